//! JSON of other frameworks, of any text: no panic, all that is JSON is taken, and it comes apart
//! into values.
#![no_main]

use cloakroom_core::Json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(json) = Json::from_foreign("it", text) else {
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_err(), "JSON is refused");
        return;
    };
    for element in json.elements().into_iter().flatten() {
        assert!(Json::from_foreign("it", element.as_str()).is_ok(), "an element is no value");
    }
    for (key, value) in json.members().into_iter().flatten() {
        assert!(key.as_str().starts_with('"') && Json::from_foreign("it", key.as_str()).is_ok(), "a key is no string");
        assert!(Json::from_foreign("it", value.as_str()).is_ok(), "a member is no value");
    }
    // Reading it may fail, as an error of that key.
    match json.decode::<serde_json::Value>("it") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.key(), Some("it")),
    }
});
