//! The records of Flask-Session 0.8 are read and written, in both formats.

use cloakroom_bridge::{FlaskSessionRecord, IncomingCookie, RecordFormat as _, SealContext};
use cloakroom_session::Lifetimes;
use cloakroom_session::factory::Rejected;
use serde_json::Value;

use super::browser::NOW;
use super::vectors::{document, text, vectors};

fn bytes(vector: &Value) -> Vec<u8> {
    let digits = text(vector, "record_hex").as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn records_made_by_flask_session_are_read_and_written() {
    let lifetimes = Lifetimes::default();
    let all = vectors("flask_session_records");
    for vector in &all {
        let name = text(vector, "name");
        let builder = FlaskSessionRecord::builder();
        let builder = if text(vector, "format") == "json" { builder.json() } else { builder };
        let format = builder.build().unwrap();
        let stored = bytes(vector);
        let record = format.open(&stored, NOW, &lifetimes).unwrap_or_else(|why| panic!("{name}: {why}"));
        let expected: Value = serde_json::from_str(text(vector, "json")).unwrap();
        for (key, value) in expected.as_object().unwrap() {
            let hidden = key.starts_with('_') || key == "csrf_token";
            let found = record.get(key).map(|json| serde_json::from_str::<Value>(json.as_str()).unwrap());
            assert_eq!(found.as_ref(), (!hidden).then_some(value), "{name}: {key}");
        }
        assert_eq!(record.flashes().count(), if name.ends_with("messages") { 2 } else { 0 }, "{name}");
        assert_eq!(record.csrf().is_some(), name.ends_with("messages"), "{name}");
        // Written again, the record has one member more.
        let sealed = format.seal("id", &record, SealContext::new("session", NOW, &lifetimes, &[7; 64])).unwrap();
        let again = format.open(&sealed, NOW, &lifetimes).unwrap();
        assert!(again.entries().eq(record.entries()) && again.flashes().eq(record.flashes()), "{name}");
        assert_eq!(again.csrf(), record.csrf(), "{name}");
        assert_eq!(sealed.first() == Some(&b'{'), text(vector, "format") == "json", "{name}");
    }
    println!("flask-session: {} records read and written", all.len());
    assert_eq!(all.len(), 12);
}

#[test]
fn pickles_and_bytes_are_refused() {
    let format = FlaskSessionRecord::builder().build().unwrap();
    for vector in document("flask_session_records")["refused"].as_array().unwrap() {
        let name = text(vector, "name");
        let expected = if name == "bytes" { Rejected::Corrupt } else { Rejected::UnsafeSerializer };
        assert_eq!(format.open(&bytes(vector), NOW, &Lifetimes::default()).unwrap_err(), expected, "{name}");
    }
    for (stored, expected) in [
        (&b"{}"[..], Ok(())),
        (&[0x80], Ok(())),
        (b"", Err(Rejected::Corrupt)),
        (b"{", Err(Rejected::Corrupt)),
        (&[0x90], Err(Rejected::Corrupt)),
        (&[0x81, 0xa1, b'a'], Err(Rejected::Corrupt)),
        (&[0xdf, 0xff, 0xff, 0xff, 0xff], Err(Rejected::Corrupt)),
    ] {
        let opened = format.open(stored, NOW, &Lifetimes::default()).map(|_| ());
        assert_eq!(opened, expected, "{stored:x?}");
    }
}

#[test]
fn ids_are_those_of_flask_session() {
    let (plain, signed) = (FlaskSessionRecord::builder(), FlaskSessionRecord::builder().signed("dev"));
    let (plain, signed) = (plain.build().unwrap(), signed.build().unwrap());
    let id = plain.fresh_id(&[7; 64]);
    assert_eq!(id.len(), 43);
    let lifetimes = Lifetimes::default();
    let sealing = || SealContext::new("session", NOW, &lifetimes, &[7; 64]);
    let (bare, sealed) = (plain.seal_id(&id, sealing()), signed.seal_id(&id, sealing()));
    let open = |format: &FlaskSessionRecord, value: &str| format.open_id(IncomingCookie::new("session", value));
    assert_eq!(open(&plain, &bare), Ok(id.clone()));
    assert_eq!(open(&signed, &sealed), Ok(id));
    assert_eq!(open(&signed, &bare), Err(Rejected::Malformed), "an unsigned id");
    assert_eq!(open(&signed, &sealed.replacen('B', "C", 1)), Err(Rejected::Forged));
    for value in ["", "short", "../../../../etc/passwd-and-more", "a b c d e f g h i j k l m n", &"x".repeat(257)] {
        assert_eq!(open(&plain, value), Err(Rejected::Malformed), "{value:?}");
    }
    assert!(FlaskSessionRecord::builder().signed("").build().unwrap_err().to_string().contains("secret_key"));
}
