//! Django cookies from arbitrary text and arbitrary bytes, compressed or not. They never panic or
//! decompress without limit, and a cookie that opens survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_bridge::{CookieFormat as _, DjangoCookie, IncomingCookie, SealContext};
use cloakroom_core::Lifetimes;
use hmac::digest::Digest;
use hmac::digest::block_api::BlockSizeUser;
use hmac::{KeyInit as _, Mac as _, SimpleHmac};
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
        let sealed = FORMAT.seal(&record, sealing).expect("an opened session can be sealed");
        let again =
            FORMAT.open(IncomingCookie::new("it", &sealed.value), &lifetimes).expect("a sealed session can be opened");
        // Latin-1 is escaped when written, which is another spelling of the same value.
        if !data.is_ascii() || mark == "." {
            continue;
        }
        assert!(again.entries().eq(record.entries()));
        assert!(again.flashes().eq(record.flashes()));
        assert_eq!(again.csrf(), record.csrf());
        assert_eq!(again.times(), record.times());
        assert_eq!(
            FORMAT.seal(&again, sealing).expect("it can be sealed again"),
            sealed,
            "sealing again gives the same value"
        );
    }
});

fn signature(signed: &str) -> String {
    use sha2::Digest as _;
    let key = sha2::Sha256::digest(b"django.contrib.sessions.backends.signed_cookiessignersecret");
    URL_SAFE_NO_PAD.encode(mac::<sha2::Sha256>(&key, signed.as_bytes()))
}

fn mac<D: Digest + BlockSizeUser>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = SimpleHmac::<D>::new_from_slice(key).expect("any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}
