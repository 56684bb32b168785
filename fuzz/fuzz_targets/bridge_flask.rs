//! Flask cookies from arbitrary text and arbitrary bytes, compressed or not. They never panic or
//! decompress without limit, and a cookie that opens survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_bridge::{CookieFormat as _, FlaskCookie, IncomingCookie, SealContext};
use cloakroom_core::Lifetimes;
use cloakroom_fuzz::{mac, survives};
use libfuzzer_sys::fuzz_target;

static FORMAT: LazyLock<FlaskCookie> =
    LazyLock::new(|| FlaskCookie::new("secret").build().expect("a valid configuration"));

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default();
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(FORMAT.open(IncomingCookie::new("it", text), &lifetimes).is_err(), "forged");
        let _ = FORMAT.open(IncomingCookie::new("it", &format!("{text}{}{}", '.', signature(text))), &lifetimes);
    }
    for mark in ["", "."] {
        let signed = format!("{mark}{}{}{}", URL_SAFE_NO_PAD.encode(data), '.', "ZVPxAA");
        let value = format!("{signed}{}{}", '.', signature(&signed));
        let Ok(record) = FORMAT.open(IncomingCookie::new("it", &value), &lifetimes) else { continue };
        let sealing = SealContext::new("it", record.times().touched, &lifetimes, &[7; 64]);
        assert_eq!(survives(&*FORMAT, &record, sealing).times(), record.times());
    }
});

fn signature(signed: &str) -> String {
    let key = mac::<sha1::Sha1>(b"secret", b"cookie-session");
    URL_SAFE_NO_PAD.encode(mac::<sha1::Sha1>(&key, signed.as_bytes()))
}
