//! JSON of other frameworks, from arbitrary text. Parsing never panics, accepts all valid JSON, and
//! its parts are values too.
#![no_main]

use cloakroom_core::Json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(json) = Json::from_lenient("it", text) else {
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_err(), "valid JSON was refused");
        return;
    };
    for element in json.elements().into_iter().flatten() {
        assert!(Json::from_lenient("it", element.as_str()).is_ok(), "an element is not a value");
    }
    for (key, value) in json.members().into_iter().flatten() {
        assert!(
            key.as_str().starts_with('"') && Json::from_lenient("it", key.as_str()).is_ok(),
            "a key is not a string"
        );
        assert!(Json::from_lenient("it", value.as_str()).is_ok(), "a member is not a value");
    }
    // Decoding may fail, with an error for that key.
    match json.decode::<serde_json::Value>("it") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.key(), Some("it")),
    }
});
