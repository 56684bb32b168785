//! Records and id cookies of tower-sessions from arbitrary bytes. They never panic, no sealed
//! cookie is forged, and a record that opens survives sealing and opening again.
#![no_main]

use std::sync::LazyLock;

use cloakroom_bridge::{IncomingCookie, RecordFormat as _, SealContext, TowerSessionsRecord};
use cloakroom_core::{Lifetimes, Timestamp};
use cloakroom_fuzz::same;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

static SEALED: LazyLock<[TowerSessionsRecord; 2]> = LazyLock::new(|| {
    let key = || vec![7; 64];
    [TowerSessionsRecord::signed(key()), TowerSessionsRecord::private(key())].map(|it| it.expect("a valid key"))
});

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default().absolute_timeout(None);
    let sealing = SealContext::new("it", NOW, &lifetimes, &[7; 64]);
    let plain = TowerSessionsRecord::plain();
    if let Ok(text) = std::str::from_utf8(data) {
        for format in SEALED.iter() {
            assert!(format.open_id(IncomingCookie::new("it", text)).is_err(), "forged");
        }
        if let Ok(id) = plain.open_id(IncomingCookie::new("it", text)) {
            for format in SEALED.iter().chain([&plain]) {
                let value = format.seal_id(&id, sealing);
                assert_eq!(format.open_id(IncomingCookie::new("it", &value)).as_deref(), Ok(&*id));
            }
        }
    }
    // Arbitrary bytes, and arbitrary data in a record with an id and an expiry.
    let head = [&[0x93, 0xc4, 16][..], &[7; 16]].concat();
    let expiry = [0x99, 0xcd, 0x07, 0xe7, 0xcd, 1, 62, 22, 13, 20, 0, 0, 0, 0];
    for stored in [data.to_vec(), [&head, data, &expiry].concat()] {
        let Ok(record) = plain.open(&stored, NOW, &lifetimes) else { continue };
        let sealed = plain.seal(ID, &record, sealing).expect("an opened session can be sealed");
        same(&record, &plain.open(&sealed, NOW, &lifetimes).expect("a sealed session can be opened"));
    }
});
