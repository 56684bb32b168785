//! Starlette cookies from arbitrary text and arbitrary bytes. They never panic, and a cookie that
//! opens survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cloakroom_bridge::{CookieFormat as _, IncomingCookie, SealContext, StarletteCookie};
use cloakroom_core::Lifetimes;
use cloakroom_fuzz::{mac, survives};
use libfuzzer_sys::fuzz_target;
use sha1::{Digest as _, Sha1};

static FORMAT: LazyLock<StarletteCookie> =
    LazyLock::new(|| StarletteCookie::new("secret").build().expect("a valid configuration"));

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default();
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(FORMAT.open(IncomingCookie::new("it", text), &lifetimes).is_err(), "forged");
        let _ = FORMAT.open(IncomingCookie::new("it", &format!("{text}.{}", signature(text))), &lifetimes);
    }
    let signed = format!("{}.ZVPxAA", STANDARD.encode(data));
    let value = format!("{signed}.{}", signature(&signed));
    let Ok(record) = FORMAT.open(IncomingCookie::new("it", &value), &lifetimes) else { return };
    let sealing = SealContext::new("it", record.times().touched, &lifetimes, &[7; 64]);
    assert_eq!(survives(&*FORMAT, &record, sealing).times(), record.times());
});

fn signature(signed: &str) -> String {
    let key = Sha1::new().chain_update(b"itsdangerous.Signer").chain_update(b"signer").chain_update(b"secret");
    URL_SAFE_NO_PAD.encode(mac::<Sha1>(&key.finalize(), signed.as_bytes()))
}
