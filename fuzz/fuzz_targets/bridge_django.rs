//! Django cookies from arbitrary text and arbitrary bytes, compressed or not. They never panic or
//! decompress without limit, and a cookie that opens survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_bridge::{CookieFormat as _, DjangoCookie, IncomingCookie, SealContext};
use cloakroom_core::Lifetimes;
use cloakroom_fuzz::{mac, reopen, survives};
use libfuzzer_sys::fuzz_target;

static FORMAT: LazyLock<DjangoCookie> =
    LazyLock::new(|| DjangoCookie::new("secret").build().expect("a valid configuration"));

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default();
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(FORMAT.open(IncomingCookie::new("it", text), &lifetimes).is_err(), "forged");
        let _ = FORMAT.open(IncomingCookie::new("it", &format!("{text}{}{}", ':', signature(text))), &lifetimes);
    }
    for mark in ["", "."] {
        let signed = format!("{mark}{}{}{}", URL_SAFE_NO_PAD.encode(data), ':', "1r31eq");
        let value = format!("{signed}{}{}", ':', signature(&signed));
        let Ok(record) = FORMAT.open(IncomingCookie::new("it", &value), &lifetimes) else { continue };
        let sealing = SealContext::new("it", record.times().touched, &lifetimes, &[7; 64]);
        if data.is_ascii() && mark != "." {
            assert_eq!(survives(&*FORMAT, &record, sealing).times(), record.times());
        } else {
            // Latin-1 is escaped when written, which is another spelling of the same value.
            reopen(&*FORMAT, &record, sealing);
        }
    }
});

fn signature(signed: &str) -> String {
    use sha2::Digest as _;
    let key = sha2::Sha256::digest(b"django.contrib.sessions.backends.signed_cookiessignersecret");
    URL_SAFE_NO_PAD.encode(mac::<sha2::Sha256>(&key, signed.as_bytes()))
}
