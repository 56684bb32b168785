//! Plug cookies from arbitrary text and with arbitrary contents. They never panic, nothing opens
//! without a valid signature, and a cookie that opens survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_bridge::{CookieFormat as _, IncomingCookie, PlugCookie, SealContext};
use cloakroom_core::{Lifetimes, Timestamp};
use cloakroom_fuzz::survives;
use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

static FORMATS: LazyLock<[PlugCookie; 2]> = LazyLock::new(|| {
    [PlugCookie::signed("secret", "salt"), PlugCookie::encrypted("secret", "salt")]
        .map(|builder| builder.build().expect("a valid configuration"))
});

/// The key that Plug's key generator derives from the secret.
static KEY: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(b"secret", b"salt", 1000, &mut key);
    key
});

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default().idle_timeout(None).absolute_timeout(None);
    let sealing = SealContext::new("it", NOW, &lifetimes, &[7; 64]);
    if let Ok(text) = std::str::from_utf8(data) {
        for (format, prefix) in FORMATS.iter().zip(["SFMyNTY.", "XCP."]) {
            assert!(format.open(IncomingCookie::new("it", text).at(NOW), &lifetimes).is_err(), "forged");
            assert!(
                format.open(IncomingCookie::new("it", &format!("{prefix}{text}")).at(NOW), &lifetimes).is_err(),
                "forged"
            );
        }
    }
    let [signed, _] = &*FORMATS;
    let content = format!("SFMyNTY.{}", URL_SAFE_NO_PAD.encode(data));
    let tag = Hmac::<sha2::Sha256>::new_from_slice(&*KEY).expect("any length").chain_update(&content).finalize();
    let value = format!("{content}.{}", URL_SAFE_NO_PAD.encode(tag.into_bytes()));
    let Ok(record) = signed.open(IncomingCookie::new("it", &value).at(NOW), &lifetimes) else { return };
    for format in FORMATS.iter() {
        survives(format, &record, sealing);
    }
});
