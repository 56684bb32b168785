//! The table of registrations.

use cloakroom_core::HeaderFact;
use cloakroom_core::dbsc::{Binding, DeviceRequest, RefusedProof};
use serde_json::{Value, json};

use crate::device::{Device, NOW, SAME, bound, offered, seconds};

fn request(proof: &str) -> DeviceRequest<'_> {
    DeviceRequest::new(HeaderFact::Value(proof), HeaderFact::Absent, SAME)
}

#[test]
fn a_registration_adds_the_key_and_the_next_challenge() {
    let (device, offer) = (Device::new(1), offered());
    let binding = bound(&device);
    assert_eq!(binding.id(), offer.id());
    assert_ne!(binding.challenge(), offer.challenge());
    assert_eq!((binding.bound_at(), binding.proven_at()), (Some(NOW), Some(NOW)));
    assert_eq!((offer.bound_at(), offer.proven_at()), (None, None));
}

/// Chromium sends the proof bare; the draft has a string.
#[test]
fn the_proof_may_be_quoted_and_claims_that_are_unknown_are_ignored() {
    let (device, offer) = (Device::new(1), offered());
    let header = json!({ "alg": "ES256", "jwk": device.jwk(), "typ": "dbsc+jwt", "kid": "x" });
    let payload = json!({ "jti": offer.challenge().expose(), "aud": "https://x", "authorization": "y", "iat": 1 });
    let bare = device.sign(&header, &payload);
    for proof in [&bare, &format!("\"{bare}\"")] {
        let request = DeviceRequest::new(HeaderFact::Value(proof), HeaderFact::Absent, SAME);
        assert!(Binding::register(Some(&offer), &request, &[42; 56], NOW).is_ok());
    }
}

#[test]
fn every_other_registration_is_refused_with_its_reason() {
    let (device, other, offer) = (Device::new(1), Device::new(2), offered());
    let good = device.registers(offer.challenge());
    let register = |request: &DeviceRequest<'_>, now| Binding::register(Some(&offer), request, &[42; 56], now);

    let from = |site| DeviceRequest::new(HeaderFact::Value(&good), HeaderFact::Absent, site);
    for site in
        [HeaderFact::Absent, HeaderFact::Malformed, HeaderFact::Value("cross-site"), HeaderFact::Value("same-site")]
    {
        assert_eq!(register(&from(site), NOW), Err(RefusedProof::OtherSite), "{site:?}");
    }
    assert_eq!(register(&request(&good).with_body(), NOW), Err(RefusedProof::Body));
    let named = DeviceRequest::new(HeaderFact::Value(&good), HeaderFact::Value("x"), SAME);
    assert_eq!(register(&named, NOW), Err(RefusedProof::Identifier));
    assert_eq!(Binding::register(None, &request(&good), &[42; 56], NOW), Err(RefusedProof::NotOffered));
    let again = Binding::register(Some(&bound(&device)), &request(&good), &[42; 56], NOW);
    assert_eq!(again, Err(RefusedProof::AlreadyBound));
    assert!(register(&request(&good), NOW + seconds(300)).is_ok());
    assert_eq!(register(&request(&good), NOW + seconds(301)), Err(RefusedProof::OfferExpired));

    let payload = json!({ "jti": offer.challenge().expose() });
    let header = |change: &dyn Fn(&mut Value)| {
        let mut header = json!({ "alg": "ES256", "jwk": device.jwk(), "typ": "dbsc+jwt" });
        change(&mut header);
        device.sign(&header, &payload)
    };
    let set = |name: &'static str, value: Value| header(&|it| it[name] = value.clone());
    let usual = json!({ "alg": "ES256", "jwk": device.jwk(), "typ": "dbsc+jwt" });
    let jwk = |change: &dyn Fn(&mut Value)| {
        let mut jwk = device.jwk();
        change(&mut jwk);
        set("jwk", jwk)
    };
    let unsigned = good.rsplit_once('.').unwrap().0;
    let rows: Vec<(&str, String, RefusedProof)> = vec![
        ("no proof", String::new(), RefusedProof::Malformed),
        ("one part", "abc".to_owned(), RefusedProof::Malformed),
        ("no signature", format!("{unsigned}."), RefusedProof::Malformed),
        ("a short signature", format!("{unsigned}.AAAA"), RefusedProof::Malformed),
        ("a signature of zeros", format!("{unsigned}.{}", "A".repeat(86)), RefusedProof::Malformed),
        ("four parts", format!("{good}.AAAA"), RefusedProof::Malformed),
        ("not base64url", format!("*{good}"), RefusedProof::Malformed),
        ("too long", format!("{good}{}", "A".repeat(4096)), RefusedProof::Malformed),
        ("no object", device.sign(&json!([]), &payload), RefusedProof::Malformed),
        ("no challenge", device.sign(&usual, &json!({})), RefusedProof::Malformed),
        ("a number as challenge", device.sign(&usual, &json!({ "jti": 7 })), RefusedProof::Malformed),
        ("a critical extension", set("crit", json!(["b64"])), RefusedProof::Malformed),
        ("typ JWT", set("typ", json!("JWT")), RefusedProof::WrongType),
        ("no typ", header(&|it| _ = it.as_object_mut().unwrap().remove("typ")), RefusedProof::WrongType),
        ("alg none", set("alg", json!("none")), RefusedProof::WrongAlgorithm),
        ("alg HS256", set("alg", json!("HS256")), RefusedProof::WrongAlgorithm),
        ("alg RS512", set("alg", json!("RS512")), RefusedProof::WrongAlgorithm),
        ("no alg", header(&|it| _ = it.as_object_mut().unwrap().remove("alg")), RefusedProof::WrongAlgorithm),
        ("no key", header(&|it| _ = it.as_object_mut().unwrap().remove("jwk")), RefusedProof::WrongKey),
        ("a key of RSA", jwk(&|it| it["kty"] = json!("RSA")), RefusedProof::WrongKey),
        ("another curve", jwk(&|it| it["crv"] = json!("P-384")), RefusedProof::WrongKey),
        ("a point off the curve", jwk(&|it| it["y"] = it["x"].clone()), RefusedProof::WrongKey),
        (
            "the point of zeros",
            jwk(&|it| (it["x"], it["y"]) = (json!("A".repeat(43)), json!("A".repeat(43)))),
            RefusedProof::WrongKey,
        ),
        ("a short coordinate", jwk(&|it| it["x"] = json!("AAAA")), RefusedProof::WrongKey),
        ("another device's key", jwk(&|it| *it = other.jwk()), RefusedProof::Forged),
        ("another challenge", device.registers(bound(&device).challenge()), RefusedProof::WrongChallenge),
        ("a challenge that isn't ours", device.sign(&usual, &json!({ "jti": "x" })), RefusedProof::WrongChallenge),
    ];
    for (name, proof, why) in &rows {
        assert_eq!(register(&request(proof), NOW), Err(*why), "{name}");
    }
    // A changed character anywhere is refused.
    for at in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(register(&request(&changed), NOW).is_err(), "{at}: {changed}");
    }
}
