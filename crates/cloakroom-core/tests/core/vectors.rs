//! Vectors of version 1 of every format. The sealed texts were made by other implementations
//! (Python's hmac, and AES-GCM-SIV of OpenSSL), so that ours isn't tested against itself.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{
    CommitId, CsrfToken, Duplicates, FlashId, Json, Key, Keyring, Lifetimes, Message, Record, Seal, Sealer, SessionId,
    SessionState, SessionTimes, Timestamp,
};
use serde_json::Value;

const VERSION_1: &str = include_str!("../vectors/v1.json");

fn version_1() -> Value {
    serde_json::from_str(VERSION_1).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is a text"))
}

fn nonce(hex: &str) -> [u8; 12] {
    std::array::from_fn(|index| u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).unwrap())
}

#[test]
fn version_1_is_sealed_and_opened_as_it_always_was() {
    let vectors = version_1();
    let key = Key::from_base64(text(&vectors, "secret_base64")).unwrap();
    assert_eq!(key.id().to_string(), text(&vectors, "key_id"));
    let nonce = nonce(text(&vectors, "nonce_hex"));
    let rows = vectors["sealed"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    for row in rows {
        let case = text(row, "case");
        for (seal, field) in [(Seal::Signed, "signed"), (Seal::Encrypted, "encrypted")] {
            let sealer = Sealer::new(seal, &Keyring::new(key.clone()), text(row, "name")).unwrap();
            let (payload, sealed) = (text(row, "payload"), text(row, field));
            assert_eq!(sealer.seal(payload, nonce).unwrap(), sealed, "{case}, {field}");
            assert_eq!(sealer.unseal(sealed).as_deref(), Ok(payload), "{case}, {field}");
        }
    }
}

#[test]
fn version_1_of_a_record_reads_and_writes_as_it_always_did() {
    let vectors = version_1();
    let rows = vectors["records"].as_array().unwrap();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let (case, text) = (text(row, "case"), text(row, "text"));
        let record = Record::decode(&Arc::from(text), 0).unwrap_or_else(|_| panic!("{case}"));
        // The number of the next message is read, but no longer written, because messages have
        // random ids.
        assert_eq!(
            record.encode(),
            ["n5;", "n7;", "n1;"].iter().fold(text.to_owned(), |text, n| text.replacen(n, "", 1)),
            "{case}"
        );
        let behind = Record::decode(&Arc::from(format!("12345{text}")), 5).unwrap();
        assert_eq!(behind, record, "{case}, in the middle of a buffer");
    }
}

#[test]
fn every_field_means_what_it_meant() {
    let vectors = version_1();
    let stored = text(&vectors["records"][0], "text");
    let record = Record::decode(&Arc::from(stored), 0).unwrap();

    let created = Timestamp::from_unix_secs(1_700_000_000);
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let touched = created + Duration::from_millis(61_500);
    let mut times = SessionTimes::start(created, &Lifetimes::default());
    times.touched = touched;
    times.idle_deadline = Some(touched + minutes(20));
    times.absolute_deadline = Some(created + minutes(24 * 60));
    times.own_idle = Some(Some(minutes(20)));
    times.remembered = true;
    assert_eq!(*record.times(), times);
    let token = CsrfToken::from_random(std::array::from_fn(|index| u8::try_from(index).unwrap()));
    assert_eq!(record.csrf(), Some(&token));
    let entries: Vec<(&str, Json)> = record.entries().collect();
    let data: Vec<(&str, &str)> = entries.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let expected =
        [("cart", r#"[{"sku":"shoes","count":2}]"#), ("имя 😀", r#""Ünïcode \"quoted\" ; : k3:""#), ("", "null")];
    assert_eq!(data, expected);
    let flashes: Vec<(&str, Vec<&str>)> =
        record.flashes().map(|(queue, bodies)| (queue, bodies.iter().map(|it| it.as_str()).collect())).collect();
    let waiting = [("", vec![r#""hello""#, r#"["success","Saved"]"#]), ("errors", vec![r#"{"field":"name"}"#])];
    assert_eq!(flashes, waiting);

    let owned = Record::decode(&Arc::from(text(&vectors["records"][4], "text")), 0).unwrap();
    assert_eq!((owned.owner(), owned.label()), (Some("user-42"), Some("Ann's ноутбук")));
    assert_eq!((record.owner(), record.label()), (None, None));

    let marked = Record::decode(&Arc::from(text(&vectors["records"][5], "text")), 0).unwrap();
    let id = |number: u64| CommitId::from_random(number.to_be_bytes()[2..].try_into().unwrap());
    assert_eq!(marked.last_commit(), Some(id((1 << 48) - 1)));
    assert_eq!([0, 1, 2].map(|number| marked.has_commit(id(number))), [true, true, false]);
    assert!([&record, &owned].iter().all(|it| it.last_commit().is_none()));

    // The same record, built through the API of factories and handlers.
    let mut made = Record::with_times(times);
    for (key, json) in expected {
        made.restore(key, Json::from_text(key, json).unwrap());
    }
    made.restore_csrf(token);
    let mut session = SessionState::loaded(SessionId::from_random([7; 32]), made, touched, Lifetimes::default());
    session.flash("gone", &"numbers 0", FlashId::from_random(0), Duplicates::Allow).unwrap();
    session.flash("gone", &"and 1 are used up", FlashId::from_random(1), Duplicates::Allow).unwrap();
    session.pop_flash::<String>("gone").unwrap();
    session.flash("", &"hello", FlashId::from_random(2), Duplicates::Allow).unwrap();
    session.flash("errors", &serde_json::json!({"field": "name"}), FlashId::from_random(3), Duplicates::Allow).unwrap();
    session.flash("", &Message::success("Saved"), FlashId::from_random(4), Duplicates::Allow).unwrap();
    // Since messages have random ids, the number of the next one is not written.
    assert_eq!(session.record().encode(), stored.replacen("n5;", "", 1));
}

/// The token was derived by Python's hmac, as in RFC 5869.
#[test]
fn the_token_of_a_reserved_id_is_what_it_always_was() {
    let id = SessionId::from_random([7; 32]);
    assert_eq!(id.expose_reserved(), "new.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    assert_eq!(CsrfToken::of_reserved(&id).expose(), "hM_UoUEOctY-AT_1mUzqX0uI0OoYe-YTG_yd5dd33qg");
}
