//! Records from arbitrary text. Decoding never panics, and a decoded record survives encoding and
//! decoding again.
#![no_main]

use std::sync::Arc;

use cloakroom_core::{Lifetimes, Record, SessionId, SessionState, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(record) = Record::decode(&Arc::from(text), 0) else { return };
    let written = record.encode();
    let again = Record::decode(&Arc::from(written.as_str()), 0).expect("written records can be read");
    assert_eq!(again.encode(), written);

    let now = Timestamp::from_unix_secs(1_700_000_000);
    let mut session = SessionState::loaded(SessionId::from_random([7; 32]), record, now, Lifetimes::default());
    let keys: Vec<String> = session.keys().map(str::to_owned).collect();
    for key in keys {
        // Values are not validated until they are read: invalid JSON is an error that names the
        // key.
        match session.get::<u64>(key.as_str()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.key(), Some(key.as_str())),
        }
        session.remove(&key);
    }
    assert!(session.is_empty());
});
