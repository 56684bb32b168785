//! `Cookie` headers of arbitrary bytes, in any number of lines. Parsing never panics and yields
//! only values from the header.
#![no_main]

use cloakroom_core::CookieHeader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let header = CookieHeader::new(data.split(|byte| *byte == b'\n'));
    for value in header.last_first("session") {
        assert!(!value.contains(';'), "a value ends at the semicolon");
        assert!(value.is_empty() || data.windows(value.len()).any(|window| window == value.as_bytes()));
    }
    assert_eq!(header.contains("session"), header.last_first("session").next().is_some());
});
