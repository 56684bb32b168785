//! Cookies and records of actix-session from arbitrary text and with arbitrary contents. They never
//! panic, no cookie is forged, and a session that opens survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_bridge::{
    ActixSessionCookie, ActixSessionRecord, CookieFormat as _, IncomingCookie, RecordFormat as _, SealContext,
};
use cloakroom_core::{Lifetimes, Timestamp};
use cloakroom_fuzz::{mac, same};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

static COOKIE: LazyLock<ActixSessionCookie> =
    LazyLock::new(|| ActixSessionCookie::signed(vec![7; 64]).expect("a valid key"));
static RECORD: LazyLock<ActixSessionRecord> =
    LazyLock::new(|| ActixSessionRecord::private(vec![7; 64]).expect("a valid key"));

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default().absolute_timeout(None);
    let sealing = SealContext::new("it", NOW, &lifetimes, &[7; 64]);
    if let Ok(record) = RECORD.open(data, NOW, &lifetimes) {
        let sealed = RECORD.seal("id", &record, sealing).expect("an opened session can be sealed");
        same(&record, &RECORD.open(&sealed, NOW, &lifetimes).expect("a sealed session can be opened"));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(COOKIE.open(IncomingCookie::new("it", text).at(NOW), &lifetimes).is_err(), "forged");
    assert!(RECORD.open_id(IncomingCookie::new("it", text)).is_err(), "forged");
    let tag = STANDARD.encode(mac::<sha2::Sha256>(&[7; 32], data));
    let escaped: String = (tag + text).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let Ok(record) = COOKIE.open(IncomingCookie::new("it", &escaped).at(NOW), &lifetimes) else { return };
    let sealed = COOKIE.seal(&record, sealing).expect("an opened session can be sealed");
    let again = COOKIE.open(IncomingCookie::new("it", &sealed.value).at(NOW), &lifetimes);
    same(&record, &again.expect("a sealed session can be opened"));
});
