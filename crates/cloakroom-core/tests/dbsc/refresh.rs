//! The table of refreshes.

use cloakroom_core::HeaderFact;
use cloakroom_core::dbsc::{Binding, BoundLife, DeviceRequest, Refresh, RefusedProof};
use serde_json::json;

use crate::device::{Device, NOW, SAME, bound, offered, refresh, seconds};

pub(crate) fn refreshed(decision: Refresh) -> (Binding, bool) {
    let shown = format!("{decision:?}");
    let Refresh::Refreshed { binding, is_repeated } = decision else { panic!("{shown}") };
    (binding, is_repeated)
}

fn challenged(decision: Refresh) -> (Binding, bool) {
    let shown = format!("{decision:?}");
    let Refresh::Challenged { binding, changed } = decision else { panic!("{shown}") };
    (binding, changed)
}

fn of<'a>(proof: &'a str, id: &'a str) -> DeviceRequest<'a> {
    DeviceRequest::new(HeaderFact::Value(proof), HeaderFact::Value(id), SAME)
}

#[test]
fn each_challenge_is_signed_once_and_each_cookie_differs() {
    let device = Device::new(1);
    let mut binding = bound(&device);
    let life = BoundLife::default();
    let mut values = vec![binding.cookie_value(life).unwrap()];
    for minute in 1..=20 {
        let now = NOW + seconds(minute * 480);
        let proof = device.refreshes(binding.challenge());
        let (next, is_repeated) = refreshed(refresh(&binding, Some(&proof), now));
        assert!(!is_repeated && next.proven_at() == Some(now) && next.bound_at() == Some(NOW));
        assert_eq!(next.id(), binding.id());
        // The same proof again, much later: the browser gets the next challenge to sign.
        let (asked, changed) = challenged(refresh(&next, Some(&proof), now + seconds(61)));
        assert!(asked == next && !changed);
        values.push(next.cookie_value(life).unwrap());
        binding = next;
    }
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 21);
}

/// The first answer may be lost: the browser sends the same proof again.
#[test]
fn the_same_proof_gets_the_same_answer_for_a_minute() {
    let device = Device::new(1);
    let proof = device.refreshes(bound(&device).challenge());
    let (first, _) = refreshed(refresh(&bound(&device), Some(&proof), NOW + seconds(100)));
    for later in [0, 1, 60] {
        let (again, is_repeated) = refreshed(refresh(&first, Some(&proof), NOW + seconds(100 + later)));
        assert!(is_repeated && again == first, "{later}");
        assert_eq!(again.cookie_value(BoundLife::default()), first.cookie_value(BoundLife::default()));
    }
    assert!(matches!(refresh(&first, Some(&proof), NOW + seconds(161)), Refresh::Challenged { .. }));
}

#[test]
fn a_challenge_that_is_too_old_is_replaced() {
    let device = Device::new(1);
    let binding = bound(&device);
    let proof = device.refreshes(binding.challenge());
    // The bound cookie's ten minutes, and five more.
    assert!(matches!(refresh(&binding, Some(&proof), NOW + seconds(900)), Refresh::Refreshed { .. }));
    for proof in [None, Some(proof.as_str())] {
        let (asked, changed) = challenged(refresh(&binding, proof, NOW + seconds(901)));
        assert!(changed && asked.challenge() != binding.challenge());
        let (_, changed) = challenged(refresh(&asked, None, NOW + seconds(902)));
        assert!(!changed, "a request without a proof writes nothing");
        let signed = device.refreshes(asked.challenge());
        assert!(matches!(refresh(&asked, Some(&signed), NOW + seconds(902)), Refresh::Refreshed { .. }));
    }
}

#[test]
fn every_other_refresh_changes_nothing() {
    let (device, other) = (Device::new(1), Device::new(2));
    let binding = bound(&device);
    let id = binding.id().to_string();
    let good = device.refreshes(binding.challenge());
    let ask = |binding: Option<&Binding>, request: &DeviceRequest<'_>| {
        Binding::refresh(binding, request, BoundLife::default(), &[3; 24], NOW)
    };

    for (name, binding) in [("no session", None), ("an offer", Some(offered()))] {
        assert_eq!(ask(binding.as_ref(), &of(&good, &id)), Refresh::Unknown, "{name}");
    }
    let quoted = format!("\"{id}\"");
    for (name, header, expected) in [
        ("quoted", HeaderFact::Value(quoted.as_str()), None),
        ("missing", HeaderFact::Absent, Some(Refresh::Refused(RefusedProof::Identifier))),
        ("twice", HeaderFact::Malformed, Some(Refresh::Refused(RefusedProof::Identifier))),
        ("unusable", HeaderFact::Value("a b"), Some(Refresh::Refused(RefusedProof::Identifier))),
        ("another one", HeaderFact::Value("AAAAAAAAAAAAAAAAAAAAAA"), Some(Refresh::Unknown)),
        ("of another form", HeaderFact::Value("x"), Some(Refresh::Unknown)),
    ] {
        let decision = ask(Some(&binding), &DeviceRequest::new(HeaderFact::Value(&good), header, SAME));
        match expected {
            Some(expected) => assert_eq!(decision, expected, "{name}"),
            None => assert!(matches!(decision, Refresh::Refreshed { .. }), "{name}"),
        }
    }
    for site in [HeaderFact::Absent, HeaderFact::Malformed, HeaderFact::Value("cross-site"), HeaderFact::Value("none")]
    {
        let request = DeviceRequest::new(HeaderFact::Value(&good), HeaderFact::Value(&id), site);
        assert_eq!(ask(Some(&binding), &request), Refresh::Refused(RefusedProof::OtherSite), "{site:?}");
    }
    assert_eq!(ask(Some(&binding), &of(&good, &id).with_body()), Refresh::Refused(RefusedProof::Body));

    let payload = json!({ "jti": binding.challenge().expose() });
    let sign = |header| device.sign(&header, &payload);
    for (name, proof, why) in [
        ("another device", other.refreshes(binding.challenge()), RefusedProof::Forged),
        ("its own key in the proof", other.registers(binding.challenge()), RefusedProof::WrongKey),
        ("the right key in the proof", device.registers(binding.challenge()), RefusedProof::WrongKey),
        ("alg none", sign(json!({ "alg": "none", "typ": "dbsc+jwt" })), RefusedProof::WrongAlgorithm),
        ("typ JWT", sign(json!({ "alg": "ES256", "typ": "JWT" })), RefusedProof::WrongType),
        ("not a proof", "x".to_owned(), RefusedProof::Malformed),
    ] {
        assert_eq!(ask(Some(&binding), &of(&proof, &id)), Refresh::Refused(why), "{name}");
    }
    let twice = DeviceRequest::new(HeaderFact::Malformed, HeaderFact::Value(&id), SAME);
    assert_eq!(ask(Some(&binding), &twice), Refresh::Refused(RefusedProof::Malformed));

    // Good signatures over challenges that aren't the current one: a race, never an end.
    let elsewhere = Binding::offer(&[9; 40], NOW);
    for (name, proof) in [
        ("the offer's challenge", device.refreshes(offered().challenge())),
        ("the challenge of another session", device.refreshes(elsewhere.challenge())),
        (
            "a challenge that isn't ours",
            device.sign(&json!({ "alg": "ES256", "typ": "dbsc+jwt" }), &json!({ "jti": "x" })),
        ),
    ] {
        let (asked, changed) = challenged(ask(Some(&binding), &of(&proof, &id)));
        assert!(asked == binding && !changed, "{name}");
    }
}
