//! Devices without ES256.

use cloakroom_core::dbsc::{Binding, DeviceRequest, RefusedProof, registration_header};
use cloakroom_core::{HeaderFact, Timestamp};

use crate::device::{SAME, offered};

/// A session that a device with RS256 has registered. The signing half of the key is discarded.
#[cfg(not(feature = "dbsc-rs256"))]
const BOUND: &str = include_str!("rs256-binding.txt");

fn request(proof: &str) -> DeviceRequest<'_> {
    DeviceRequest::new(HeaderFact::Value(proof), HeaderFact::Absent, SAME)
}

fn register(proof: &str, now: Timestamp) -> Result<Binding, RefusedProof> {
    Binding::register(Some(&offered()), &request(proof), &[42; 56], now)
}

#[test]
fn a_build_offers_the_algorithms_that_it_verifies() {
    let header = registration_header("/x", offered().challenge());
    let expected = if cfg!(feature = "dbsc-rs256") { "(ES256 RS256);path=" } else { "(ES256);path=" };
    assert!(header.starts_with(expected), "{header}");
}

#[cfg(feature = "dbsc-rs256")]
mod with_the_feature {
    use cloakroom_core::HeaderFact;
    use cloakroom_core::dbsc::{Binding, BoundLife, DeviceProof, DeviceRequest, Refresh, RefusedProof};
    use serde_json::{Value, json};

    use super::register;
    use crate::device::{Device, NOW, SAME, base64, bound, offered, refresh, seconds};
    use crate::refresh::refreshed;

    #[test]
    fn a_device_registers_and_refreshes() {
        let device = Device::rs256();
        let binding = bound(&device);
        assert_eq!((binding.bound_at(), binding.proven_at()), (Some(NOW), Some(NOW)));
        let value = binding.cookie_value(BoundLife::default()).unwrap();
        let (proof, shown) = binding.prove(Some(&value), NOW + seconds(1));
        assert_eq!(proof, DeviceProof::Fresh(NOW));

        let signed = device.refreshes(binding.challenge());
        let (next, is_repeated) = refreshed(refresh(&shown.unwrap(), Some(&signed), NOW + seconds(5)));
        assert!(!is_repeated && next.proven_at() == Some(NOW + seconds(5)));
        let text = next.encode();
        assert_eq!(text.len(), 548, "{text}");
        assert!(text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.~".contains(&it)), "{text}");
        assert_eq!(Binding::decode(&text), Some(next.clone()));
        let (_, is_repeated) = refreshed(refresh(&next, Some(&signed), NOW + seconds(6)));
        assert!(is_repeated);
    }

    /// The largest key makes the longest text.
    #[test]
    fn the_text_of_a_binding_has_a_limit() {
        let device = Device::rs256();
        let binding = bound(&device);
        let proof = device.refreshes(binding.challenge());
        let value = binding.cookie_value(BoundLife::default()).unwrap();
        let shown = binding.prove(Some(&value), NOW).1.unwrap();
        let (binding, _) = refreshed(refresh(&shown, Some(&proof), NOW + seconds(5)));
        let n = device.jwk()["n"].as_str().unwrap().to_owned();
        let largest = base64(&[0xff; 512]);
        let text = binding.encode().replace(&n, &largest);
        assert_eq!(text.len(), 889);
        assert_eq!(Binding::decode(&text).unwrap().encode(), text);
    }

    #[test]
    fn keys_of_other_sizes_and_exponents_are_refused() {
        let (device, offer) = (Device::rs256(), offered());
        let payload = json!({ "jti": offer.challenge().expose() });
        let sign = |change: &dyn Fn(&mut Value)| {
            let mut header = json!({ "alg": "RS256", "jwk": device.jwk(), "typ": "dbsc+jwt" });
            change(&mut header);
            device.sign(&header, &payload)
        };
        let n = |bytes: &[u8]| {
            let n = base64(bytes);
            sign(&move |it| it["jwk"]["n"] = json!(n))
        };
        let odd = |length: usize, first: u8| {
            let mut bytes = vec![0xff; length];
            bytes[0] = first;
            bytes
        };
        assert!(register(&sign(&|_| {}), NOW).is_ok());
        let (wrong, forged) = (RefusedProof::WrongKey, RefusedProof::Forged);
        let cut = |proof: &str| proof.get(..proof.len() - 4).unwrap().to_owned();
        let short = sign(&|_| {}).rsplit_once('.').map(|(signed, _)| format!("{signed}.{}", base64(&[1; 255])));
        for (name, proof, why) in [
            ("1,024 bits", n(&odd(128, 0xff)), wrong),
            ("2,047 bits", n(&odd(256, 0x7f)), wrong),
            ("a byte of zeros before 2,048 bits", n(&odd(257, 0)), wrong),
            ("another key of 2,048 bits", n(&odd(256, 0x80)), forged),
            ("another key of 2,049 bits", n(&odd(257, 1)), forged),
            ("another key of 4,096 bits", n(&odd(512, 0xff)), forged),
            ("an even number", n(&[0xfe; 256]), forged),
            ("4,097 bits", n(&odd(513, 1)), wrong),
            ("no number", sign(&|it| it["jwk"]["n"] = json!("")), wrong),
            ("not base64url", sign(&|it| it["jwk"]["n"] = json!("*")), wrong),
            ("exponent 3", sign(&|it| it["jwk"]["e"] = json!("Aw")), wrong),
            ("a longer spelling of the exponent", sign(&|it| it["jwk"]["e"] = json!("AAEAAQ")), wrong),
            ("no exponent", sign(&|it| _ = it["jwk"].as_object_mut().unwrap().remove("e")), wrong),
            ("a key of ES256", sign(&|it| it["jwk"] = Device::new(1).jwk()), wrong),
            ("a key of RSA for ES256", sign(&|it| it["alg"] = json!("ES256")), wrong),
            ("PS256", sign(&|it| it["alg"] = json!("PS256")), RefusedProof::WrongAlgorithm),
            ("RS512", sign(&|it| it["alg"] = json!("RS512")), RefusedProof::WrongAlgorithm),
            ("a signature that is cut off", cut(&sign(&|_| {})), RefusedProof::Malformed),
            ("a short signature", short.unwrap(), RefusedProof::Malformed),
            ("another challenge", device.registers(bound(&device).challenge()), RefusedProof::WrongChallenge),
        ] {
            assert_eq!(register(&proof, NOW), Err(why), "{name}");
        }
    }

    /// The algorithm is that of the key in the record. The proof can't choose it.
    #[test]
    fn another_algorithm_than_the_keys_is_refused() {
        let (rs256, es256) = (Device::rs256(), Device::new(1));
        for (name, of_record, of_proof) in [("ES256 for RS256", &rs256, &es256), ("RS256 for ES256", &es256, &rs256)] {
            let binding = bound(of_record);
            let proof = of_proof.refreshes(binding.challenge());
            let decision = refresh(&binding, Some(&proof), NOW);
            assert_eq!(decision, Refresh::Refused(RefusedProof::WrongAlgorithm), "{name}");
        }
    }

    #[test]
    fn a_changed_character_anywhere_is_refused() {
        let (device, life) = (Device::rs256(), BoundLife::default());
        let binding = bound(&device);
        let (id, good) = (binding.id().to_string(), device.refreshes(binding.challenge()));
        for at in 0..good.len() {
            let mut changed = good.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let request = DeviceRequest::new(HeaderFact::Value(&changed), HeaderFact::Value(&id), SAME);
            let decision = Binding::refresh(Some(&binding), &request, life, &[3; 24], NOW);
            assert!(matches!(decision, Refresh::Refused(_)), "{at}: {changed}");
        }
    }
}

/// A record of a node that has the feature: it stays bound, and nothing about it changes.
#[cfg(not(feature = "dbsc-rs256"))]
mod without_the_feature {
    use cloakroom_core::dbsc::{Binding, BoundLife, DeviceProof, Refresh, RefusedProof};

    use super::{BOUND, register};
    use crate::device::{Device, NOW, offered, refresh, seconds};

    fn bound() -> Binding {
        Binding::decode(BOUND.trim_end()).unwrap()
    }

    #[test]
    fn its_text_is_written_as_it_was_read() {
        assert_eq!(bound().encode(), BOUND.trim_end());
        assert_eq!(bound().bound_at(), Some(NOW));
    }

    #[test]
    fn its_bound_cookie_is_checked() {
        let value = bound().cookie_value(BoundLife::default()).unwrap();
        let (proof, shown) = bound().prove(Some(&value), NOW + seconds(1));
        assert_eq!(proof, DeviceProof::Fresh(NOW));
        let shown = shown.unwrap();
        assert_eq!(shown.prove(None, NOW + seconds(11)).0, DeviceProof::Missing);
        assert_eq!(shown.prove(Some(&value), NOW + seconds(600)).0, DeviceProof::Missing);
    }

    /// The browser keeps its session for a node that has the feature.
    #[test]
    fn its_refreshes_are_unsupported_and_not_refused() {
        let device = Device::new(1);
        let proof = device.refreshes(bound().challenge());
        for proof in [None, Some(proof.as_str()), Some("x")] {
            assert_eq!(refresh(&bound(), proof, NOW), Refresh::Unsupported, "{proof:?}");
        }
    }

    #[test]
    fn its_registrations_are_refused() {
        let header = serde_json::json!({ "alg": "RS256", "jwk": Device::new(1).jwk(), "typ": "dbsc+jwt" });
        let payload = serde_json::json!({ "jti": offered().challenge().expose() });
        let proof = Device::new(1).sign(&header, &payload);
        assert_eq!(register(&proof, NOW), Err(RefusedProof::WrongAlgorithm));
    }
}
