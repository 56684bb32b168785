//! A form body of any bytes, complete or cut: no panic, no endless loop.
#![no_main]

use cloakroom_session::{BodyExtent, FormKind, find_token};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Seeds begin with one byte that once said how large the pieces were.
    let Some((_, body)) = data.split_first() else { return };
    for kind in [FormKind::Urlencoded, FormKind::Multipart("X".to_owned())] {
        for extent in [BodyExtent::Complete, BodyExtent::Truncated] {
            let _ = find_token(&kind, body, "csrf_token", extent);
        }
    }
});
