//! A form body of any bytes, whole or cut, in any pieces: no panic, no endless loop.
#![no_main]

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};

use bytes::Bytes;
use cloakroom_session::{Extent, FormKind, find_token};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((size, body)) = data.split_first() else { return };
    let pieces: Vec<Bytes> = body.chunks(usize::from(*size).max(1)).map(Bytes::copy_from_slice).collect();
    for kind in [FormKind::Urlencoded, FormKind::Multipart("X".to_owned())] {
        for extent in [Extent::Whole, Extent::Prefix] {
            let found = pin!(find_token(&kind, &pieces, "csrf_token", extent));
            // The pieces are all there: it has nothing to wait for.
            assert!(found.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        }
    }
});
