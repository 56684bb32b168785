//! Records and ids of Flask-Session from arbitrary bytes. They never panic, no id is forged, and a
//! session that was sealed survives sealing and opening again, in both formats.
#![no_main]

use std::sync::LazyLock;

use cloakroom_bridge::{FlaskSessionRecord, IncomingCookie, RecordFormat as _, SealContext};
use cloakroom_core::{Lifetimes, Timestamp};
use cloakroom_fuzz::same;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

static FORMATS: LazyLock<[FlaskSessionRecord; 2]> = LazyLock::new(|| {
    let builder = || FlaskSessionRecord::builder().signed("secret");
    [builder(), builder().json()].map(|builder| builder.build().expect("a valid configuration"))
});

fuzz_target!(|data: &[u8]| {
    let lifetimes = Lifetimes::default().absolute_timeout(None);
    let sealing = SealContext::new("it", NOW, &lifetimes, &[7; 64]);
    for format in &*FORMATS {
        if let Ok(text) = std::str::from_utf8(data) {
            assert!(format.open_id(IncomingCookie::new("it", text)).is_err(), "forged");
        }
        let Ok(record) = format.open(data, NOW, &lifetimes) else { continue };
        // JSON has numbers that MessagePack can't hold, and some that it spells in another way.
        let Ok(sealed) = format.seal("id", &record, sealing) else { continue };
        let once = format.open(&sealed, NOW, &lifetimes).expect("a sealed session can be opened");
        let sealed = format.seal("id", &once, sealing).expect("an opened session can be sealed");
        same(&once, &format.open(&sealed, NOW, &lifetimes).expect("a sealed session can be opened"));
    }
});
