//! Beaker cookies from arbitrary text, arbitrary bytes and arbitrary compressed text. They never
//! panic or decompress without limit, and a cookie that opens survives sealing and opening again.
#![no_main]

use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_bridge::{BeakerCipher, BeakerCookie, CookieFormat as _, IncomingCookie, SealContext};
use cloakroom_core::Lifetimes;
use cloakroom_fuzz::survives;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;

static FORMATS: LazyLock<[BeakerCookie; 3]> = LazyLock::new(|| {
    let plain = BeakerCookie::new("key");
    let encrypted = |cipher| plain.clone().encrypt_key("key", cipher).build().expect("a valid configuration");
    let [gcm, ctr] = [BeakerCipher::AesGcm, BeakerCipher::AesCtr].map(encrypted);
    [plain.build().expect("a valid configuration"), gcm, ctr]
});

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default();
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(data).expect("writing to memory succeeds");
    let packed = packer.finish().expect("writing to memory succeeds");
    for format in FORMATS.iter() {
        if let Ok(text) = std::str::from_utf8(data) {
            assert!(format.open(IncomingCookie::new("it", text), &lifetimes).is_err(), "forged");
            let _ = format.open(IncomingCookie::new("it", &signed(text)), &lifetimes);
        }
        let _ = format.open(IncomingCookie::new("it", &signed(&STANDARD.encode(data))), &lifetimes);
        let value = signed(&STANDARD.encode(&packed));
        let Ok(record) = format.open(IncomingCookie::new("it", &value), &lifetimes) else { continue };
        let sealing = SealContext::new("it", record.times().touched, &lifetimes, &[7; 64]);
        survives(format, &record, sealing);
    }
});

fn signed(body: &str) -> String {
    let tag = Hmac::<sha1::Sha1>::new_from_slice(b"key").expect("any length").chain_update(body).finalize();
    let tag: String = tag.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    tag + body
}
