//! Express cookies and records from arbitrary text and with arbitrary contents. They never panic,
//! nothing opens without a valid signature, and a cookie or record that opens survives sealing and
//! opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cloakroom_bridge::{
    CookieFormat as _, ExpressCookie, ExpressRecord, IncomingCookie, RecordFormat as _, SealContext,
};
use cloakroom_core::{Lifetimes, Timestamp};
use cloakroom_fuzz::{same, survives};
use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

static COOKIE: LazyLock<ExpressCookie> =
    LazyLock::new(|| ExpressCookie::new("key").build().expect("a valid configuration"));
static RECORD: LazyLock<ExpressRecord> =
    LazyLock::new(|| ExpressRecord::new("key").build().expect("a valid configuration"));

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default().absolute_timeout(None);
    let sealing = SealContext::new("it", NOW, &lifetimes, &[7; 64]);
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(
            COOKIE.open(IncomingCookie::new("it", text).with_companion(Some(text)).at(NOW), &lifetimes).is_err(),
            "forged"
        );
        assert!(RECORD.open_id(IncomingCookie::new("it", text)).is_err(), "forged");
        if let Ok(record) = RECORD.open(data, NOW, &lifetimes) {
            let sealed = RECORD.seal("id", &record, sealing).expect("an opened session can be sealed");
            same(&record, &RECORD.open(&sealed, NOW, &lifetimes).expect("a sealed session can be opened"));
        }
        if !text.is_empty() && text.len() <= 256 {
            assert_eq!(RECORD.open_id(IncomingCookie::new("it", &RECORD.seal_id(text, sealing))).as_deref(), Ok(text));
        }
    }
    let value = STANDARD.encode(data);
    let tag =
        Hmac::<sha1::Sha1>::new_from_slice(b"key").expect("any length").chain_update(format!("it={value}")).finalize();
    let tag = URL_SAFE_NO_PAD.encode(tag.into_bytes());
    let cookie = IncomingCookie::new("it", &value).with_companion(Some(&tag)).at(NOW);
    let Ok(record) = COOKIE.open(cookie, &lifetimes) else { return };
    survives(&*COOKIE, &record, sealing);
});
