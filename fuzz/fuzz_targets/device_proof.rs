//! Proofs of devices, identifiers, bound cookies and bindings of arbitrary text. Only the seeds'
//! own proofs are accepted, since nothing else is signed.
#![no_main]

use cloakroom_core::dbsc::{Binding, BoundLife, DeviceProof, DeviceRequest, Refresh, skipped_reason};
use cloakroom_core::{HeaderFact, Timestamp};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const SAME: HeaderFact<'_> = HeaderFact::Value("same-origin");
const REGISTRATION: &str = include_str!("../seeds/device_proof/registration");
const REFRESH: &str = include_str!("../seeds/device_proof/refresh");
const BOUND: &str = include_str!("../seeds/device_proof/binding");
const RS256_REGISTRATION: &str = include_str!("../seeds/device_proof/rs256_registration");
const RS256_REFRESH: &str = include_str!("../seeds/device_proof/rs256_refresh");
const RS256_BOUND: &str = include_str!("../seeds/device_proof/rs256_binding");

/// Returns whether the fuzzed header has the characters of this proof, quoted or not.
fn is(text: &str, proof: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|it| !"\\\" \t".contains(*it)).collect::<String>();
    letters(text) == letters(proof)
}

/// Uses the text as the proof, the identifier and the bound cookie of a bound session.
fn use_bound(text: &str, bound: &Binding, good: &str) {
    let (header, id) = (HeaderFact::Value(text), bound.id().to_string());
    let refresh = |proof, id| {
        let request = DeviceRequest::new(proof, id, SAME);
        Binding::refresh(Some(bound), &request, BoundLife::default(), &[3; 24], NOW)
    };
    let refreshed = matches!(refresh(header, HeaderFact::Value(&id)), Refresh::Refreshed { .. });
    assert!(!refreshed || is(text, good));
    let named = matches!(refresh(HeaderFact::Value(good), header), Refresh::Refreshed { .. });
    assert!(!named || is(text, &id));

    let proof = bound.prove(Some(text), NOW).0;
    assert!(proof == DeviceProof::NotArmed || Some(text) == bound.cookie_value(BoundLife::default()).as_deref());
}

fuzz_target!(|text: &str| {
    let header = HeaderFact::Value(text);
    let offer = Binding::offer(&std::array::from_fn(|it| it as u8), NOW);
    let request = DeviceRequest::new(header, HeaderFact::Absent, SAME);
    let registered = Binding::register(Some(&offer), &request, &[42; 56], NOW).is_ok();
    assert!(!registered || is(text, REGISTRATION) || is(text, RS256_REGISTRATION));

    for (bound, refresh) in [(BOUND, REFRESH), (RS256_BOUND, RS256_REFRESH)] {
        use_bound(text, &Binding::decode(bound).expect("the seed is a binding"), refresh);
    }
    if let Some(binding) = Binding::decode(text) {
        assert_eq!(Binding::decode(&binding.encode()), Some(binding));
    }
    let _ = skipped_reason(text);
});
