//! Rails cookies from arbitrary text, with arbitrary contents, and with an arbitrary session in an
//! envelope. They never panic, nothing opens without a valid signature, and a cookie that opens
//! survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_bridge::{CookieFormat as _, IncomingCookie, RailsCookie, RailsDigest, SealContext};
use cloakroom_core::{Lifetimes, Timestamp};
use cloakroom_fuzz::survives;
use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

static SIGNED: LazyLock<RailsCookie> =
    LazyLock::new(|| RailsCookie::signed("secret").digest(RailsDigest::Sha256).build().expect("a valid configuration"));
static ENCRYPTED: LazyLock<RailsCookie> =
    LazyLock::new(|| RailsCookie::encrypted("secret").build().expect("a valid configuration"));

/// The key that Rails' key generator derives from the secret.
static KEY: LazyLock<[u8; 64]> = LazyLock::new(|| {
    let mut key = [0; 64];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(b"secret", b"signed cookie", 1000, &mut key);
    key
});

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default().idle_timeout(None).absolute_timeout(None);
    let sealing = SealContext::new("it", NOW, &lifetimes, &[7; 64]);
    if let Ok(text) = std::str::from_utf8(data) {
        for format in [&*SIGNED, &*ENCRYPTED] {
            assert!(format.open(IncomingCookie::new("it", text).at(NOW), &lifetimes).is_err(), "forged");
        }
    }
    let message = STANDARD.encode(data);
    let envelope = format!(r#"{{"_rails":{{"message":"{message}","exp":null,"pur":"cookie.it"}}}}"#);
    for content in [data, envelope.as_bytes()] {
        let value = signed(content);
        let Ok(record) = SIGNED.open(IncomingCookie::new("it", &value).at(NOW), &lifetimes) else { continue };
        for format in [&*SIGNED, &*ENCRYPTED] {
            survives(format, &record, sealing);
        }
    }
});

fn signed(content: &[u8]) -> String {
    let content = STANDARD.encode(content);
    let tag = Hmac::<sha1::Sha1>::new_from_slice(&*KEY).expect("any length").chain_update(&content).finalize();
    let tag: String = tag.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{content}--{tag}")
}
