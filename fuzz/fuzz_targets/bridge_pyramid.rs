//! Pyramid cookies from arbitrary text and with arbitrary payloads. They never panic, nothing opens
//! without a valid signature, and a cookie that opens survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_bridge::{CookieFormat as _, IncomingCookie, PyramidCookie, SealContext};
use cloakroom_core::{Lifetimes, Record};
use cloakroom_fuzz::survives;
use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;

static FORMAT: LazyLock<PyramidCookie> =
    LazyLock::new(|| PyramidCookie::new("secret").salt("").build().expect("a valid configuration"));

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default();
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(FORMAT.open(IncomingCookie::new("session", text), &lifetimes).is_err(), "forged");
    }
    let tag = Hmac::<sha2::Sha512>::new_from_slice(b"secret").expect("any length").chain_update(data).finalize();
    let value = URL_SAFE_NO_PAD.encode([tag.into_bytes().as_slice(), data].concat());
    let Ok(record) = FORMAT.open(IncomingCookie::new("session", &value), &lifetimes) else { return };
    let sealing = SealContext::new("session", record.times().touched, &lifetimes, &[7; 64]);
    assert_eq!(content(&survives(&*FORMAT, &record, sealing)), content(&record));
});

fn content(record: &Record) -> impl PartialEq + std::fmt::Debug {
    let text = |(key, value): (&str, cloakroom_core::Json)| format!("{key:?}: {}", value.as_str());
    let flashes = record
        .flashes()
        .map(|(queue, bodies)| format!("{queue:?}: {:?}", bodies.iter().map(|body| body.as_str()).collect::<Vec<_>>()));
    let facts = (record.owner().map(str::to_owned), record.label().map(str::to_owned), record.times().created);
    (
        record.entries().map(text).collect::<Vec<_>>(),
        flashes.collect::<Vec<_>>(),
        record.csrf().map(|token| token.expose().to_owned()),
        facts,
    )
}
