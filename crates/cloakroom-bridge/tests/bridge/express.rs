//! Express: `cookie-session`.

use cloakroom_bridge::{BridgedCookies, CookieFormat as _, ExpressCookie, IncomingCookie, SealContext};
use cloakroom_session::Lifetimes;
use cloakroom_session::factory::Rejected;
use serde_json::{Value, json};

use super::browser::{App, Browser, NOW};
use super::vectors::{document, text};

fn format(keys: &[&str]) -> ExpressCookie {
    let builder = keys[1..].iter().fold(ExpressCookie::new(keys[0]), |builder, key| builder.previous(*key));
    builder.build().unwrap()
}

fn lifetimes() -> Lifetimes {
    format(&["k"]).lifetimes()
}

/// Returns the values of the two cookies that Express set.
fn pair(vector: &Value) -> Option<(String, Option<String>)> {
    let value = |name: &str| {
        let mut lines = vector["set_cookie"].as_array()?.iter().filter_map(Value::as_str);
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.split(';').next()?.to_owned())
    };
    Some((value("session").filter(|value| !value.is_empty())?, value("session.sig")))
}

#[test]
fn cookies_of_express_are_read_and_written_unchanged() {
    let (mut read, mut written) = (0, 0);
    for vector in document("express")["cookie_session"].as_array().unwrap() {
        let name = text(vector, "name");
        let Some((value, signature)) = pair(vector) else { continue };
        let cookie = IncomingCookie::new("session", &value).with_companion(signature.as_deref()).at(NOW);
        let opened = format(&["key1", "key2"]).open(cookie, &lifetimes());
        if name == "unsigned" {
            assert_eq!(opened.map(|_| ()), Err(Rejected::Malformed), "{name}");
            continue;
        }
        let record = opened.unwrap_or_else(|why| panic!("{name}: {why}"));
        let payload: Value = serde_json::from_str(text(vector, "payload_json")).unwrap();
        for (key, expected) in payload.as_object().unwrap() {
            assert_eq!(record.get(key).unwrap().decode::<Value>(key).unwrap(), *expected, "{name}: {key}");
        }
        read += 1;
        // Only the creation time must be kept: for this side the session begins now.
        let sealed = format(&["key1"]).seal(&record, SealContext::new("session", NOW, &lifetimes(), &[7; 64])).unwrap();
        let written_value = base64_text(&sealed.value);
        let ours = format!(",\"_cloakroom\":{{\"created\":{}}}", NOW.unix_millis());
        assert_eq!(written_value.replace(&ours, ""), text(vector, "payload_json"), "{name}");
        let again = IncomingCookie::new("session", &sealed.value).with_companion(sealed.companion.as_deref());
        assert!(format(&["key1"]).open(again.at(NOW), &lifetimes()).is_ok(), "{name}");
        written += 1;
    }
    println!("express cookie-session: {read} cookies read, {written} written");
    assert_eq!((read, written), (5, 5));
}

fn base64_text(value: &str) -> String {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(value).unwrap()).unwrap()
}

#[test]
fn signatures_are_keygrips() {
    // The session of the first vector, and its signature by another key from another vector.
    let value = "eyJ1c2VyIjo0MiwibmFtZSI6ImZyZWQifQ==";
    for (row, keys, name, signature, expected) in [
        ("its key", &["key1"][..], "session", Some("PeJyTIipFPJtDR5S0sO12GoDay0"), Ok(())),
        ("an older key", &["newkey", "key1"][..], "session", Some("PeJyTIipFPJtDR5S0sO12GoDay0"), Ok(())),
        ("the new key, after rotation", &["newkey"][..], "session", Some("CxTGPn6mew14dseCvBKRNQxI24Y"), Ok(())),
        ("another key", &["key2"][..], "session", Some("PeJyTIipFPJtDR5S0sO12GoDay0"), Err(Rejected::Forged)),
        ("another name", &["key1"][..], "other", Some("PeJyTIipFPJtDR5S0sO12GoDay0"), Err(Rejected::Forged)),
        ("a tag of another length", &["key1"][..], "session", Some("PeJy"), Err(Rejected::Forged)),
        ("empty", &["key1"][..], "session", Some(""), Err(Rejected::Forged)),
        ("none", &["key1"][..], "session", None, Err(Rejected::Malformed)),
        ("not base64", &["key1"][..], "session", Some("?"), Err(Rejected::Malformed)),
    ] {
        let cookie = IncomingCookie::new(name, value).with_companion(signature).at(NOW);
        assert_eq!(format(keys).open(cookie, &lifetimes()).map(|_| ()), expected, "{row}");
    }
    assert!(ExpressCookie::new("").build().is_err());
}

/// Returns a cookie with a valid signature of this text.
fn signed(payload: &str) -> (String, String) {
    use base64::Engine as _;
    use hmac::{KeyInit as _, Mac as _};
    let value = base64::engine::general_purpose::STANDARD.encode(payload);
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(b"key1").unwrap();
    mac.update(format!("session={value}").as_bytes());
    let tag = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    (value, tag)
}

#[tokio::test]
async fn untouched_members_are_written_byte_for_byte() {
    for payload in [
        r#"{"a":1e21,"b":"\ud800","c":[ 1, 2 ],"d":{"x":null}}"#,
        r#"{"flash":{"error":["a", "b"]},"csrfToken":"t","z":12345678901234567890}"#,
        r#"{"flash":"not a queue","csrfToken":7}"#,
        r#"{"flash":{}}"#,
    ] {
        let (value, tag) = signed(payload);
        let app = App::new(BridgedCookies::new(format(&["key1"])).build().unwrap());
        let mut browser = Browser::with("session", &value);
        browser.jar.insert("session.sig".to_owned(), tag);
        let (_, sent) = browser.visit(&app, |session| session.insert("new", 1).unwrap()).await;
        assert_eq!(sent, 2, "both cookies");
        let written = base64_text(&browser.jar["session"]);
        let end = format!(",\"new\":1,\"_cloakroom\":{{\"created\":{}}}}}", NOW.unix_millis());
        assert_eq!(written, format!("{}{end}", &payload[..payload.len() - 1]));
    }
}

#[tokio::test]
async fn messages_and_tokens_have_the_keys_of_express() {
    let app = App::new(BridgedCookies::new(format(&["key1"])).build().unwrap());
    let mut browser = Browser::default();
    let (token, _) = browser
        .visit(&app, |session| {
            session.flash("a");
            session.flash_queue("error").push("b");
            session.masked_csrf_token().unwrap()
        })
        .await;
    let written: Value = serde_json::from_str(&base64_text(&browser.jar["session"])).unwrap();
    assert_eq!(written["flash"], json!({"info": ["a"], "error": ["b"]}));
    assert_eq!(written["csrfToken"], json!(token), "csrf-sync compares the text itself");

    let (value, tag) = signed(r#"{"flash":{"info":["x","y"],"warn":[{"k":1}]},"csrfToken":"t"}"#);
    let mut browser = Browser::with("session", &value);
    browser.jar.insert("session.sig".to_owned(), tag);
    let (found, _) = browser
        .visit(&app, |session| {
            (session.pop_flash::<Value>(), session.flash_queue("warn").peek::<Value>(), session.keys())
        })
        .await;
    assert_eq!(found, (vec![json!("x"), json!("y")], vec![json!({"k": 1})], vec![]));
    let written: Value = serde_json::from_str(&base64_text(&browser.jar["session"])).unwrap();
    assert_eq!(written["flash"], json!({"warn": [{"k": 1}]}));
    let (_, sent) = browser.visit(&app, |session| session.invalidate()).await;
    assert_eq!((sent, browser.jar.len()), (2, 0), "both cookies are removed");
}

#[test]
fn a_validly_signed_text_may_not_be_a_session() {
    for (payload, expected) in
        [("[]", Rejected::Corrupt), ("null", Rejected::Corrupt), ("{", Rejected::Corrupt), ("{}{}", Rejected::Corrupt)]
    {
        let (value, tag) = signed(payload);
        let cookie = IncomingCookie::new("session", &value).with_companion(Some(&tag)).at(NOW);
        assert_eq!(format(&["key1"]).open(cookie, &lifetimes()).map(|_| ()), Err(expected), "{payload}");
    }
}

mod session {
    //! `express-session`.

    use std::time::Duration;

    use cloakroom_bridge::{
        ExpressRecord, IncomingCookie, MemoryRecords, RecordFormat as _, SealContext, SharedRecords,
    };
    use cloakroom_session::factory::Rejected;
    use cloakroom_session::{Lifetimes, Timestamp};
    use serde_json::{Value, json};

    use crate::browser::{App, Browser, NOW};
    use crate::vectors::{document, text};

    const HOUR: Duration = Duration::from_secs(3600);
    const AT: Timestamp = Timestamp::from_unix_millis(1_700_000_000_250);

    fn vectors() -> Vec<Value> {
        document("express")["express_session"].as_array().unwrap().clone()
    }

    fn format() -> ExpressRecord {
        ExpressRecord::new("keyboard cat").build().unwrap()
    }

    fn lifetimes() -> Lifetimes {
        format().lifetimes()
    }

    #[test]
    fn ids_and_records_of_express_are_read_and_written_unchanged() {
        let mut count = 0;
        for vector in vectors() {
            let name = text(&vector, "name");
            let Some((id, record)) = vector["store"].as_object().and_then(|store| store.iter().next()) else {
                continue;
            };
            let line = vector["set_cookie"][0].as_str().unwrap();
            let value = line.strip_prefix("connect.sid=").unwrap().split(';').next().unwrap();
            let max_age = vector["opts"]["cookie"]["maxAge"].as_u64().map(Duration::from_millis);
            let builder = ExpressRecord::new("keyboard cat");
            let format = max_age.map_or(builder.clone(), |span| builder.max_age(span)).build().unwrap();
            assert_eq!(format.open_id(IncomingCookie::new("connect.sid", value)).as_ref(), Ok(id), "{name}");
            assert_eq!(
                format.seal_id(id, SealContext::new("connect.sid", AT, &lifetimes(), &[7; 64])),
                value,
                "{name}"
            );

            let record = record.as_str().unwrap();
            let read = format.open(record.as_bytes(), AT, &lifetimes()).unwrap_or_else(|why| panic!("{name}: {why}"));
            let user = read.get("user").unwrap().decode::<Value>("user").unwrap();
            let stored: Value = serde_json::from_str(record).unwrap();
            assert_eq!(user, stored["user"], "{name}");
            assert_eq!(read.entries().len(), 1, "{name}: the cookie is Express' own");
            let written = format.seal(id, &read, SealContext::new("connect.sid", AT, &lifetimes(), &[7; 64])).unwrap();
            let ours = format!(",\"_cloakroom\":{{\"created\":{}}}", AT.unix_millis());
            let written = String::from_utf8(written).unwrap();
            assert_eq!(written.replace(&ours, ""), record, "{name}");
            count += 1;
        }
        println!("express-session: {count} ids and records read and written, byte for byte");
        assert_eq!(count, 2);
    }

    #[test]
    fn signatures_of_ids_are_those_of_cookie_signature() {
        let value = "s%3A0123456789abcdefghijklmnopqrstuv.CP7rMi5wLTU3wgaBt19C3w7NvZFqz9xhKXnQ%2FdSpkXo";
        let rotated = ExpressRecord::new("new").previous("keyboard cat").build().unwrap();
        let another = ExpressRecord::new("another").build().unwrap();
        let open = |format: &ExpressRecord, value: &str| format.open_id(IncomingCookie::new("connect.sid", value));
        assert!(open(&format(), value).is_ok());
        assert!(open(&rotated, value).is_ok(), "an older secret");
        for (row, format, value, expected) in [
            ("another secret", &another, value.to_owned(), Rejected::Forged),
            ("another id", &format(), value.replace("0123", "0124"), Rejected::Forged),
            ("unsigned", &format(), "0123456789abcdefghijklmnopqrstuv".to_owned(), Rejected::Malformed),
            ("without a signature", &format(), "s%3A0123".to_owned(), Rejected::Malformed),
            ("a signature that isn't base64", &format(), "s%3A0123.%3F".to_owned(), Rejected::Malformed),
            ("an escape that makes no sense", &format(), "s%3".to_owned(), Rejected::Malformed),
            ("empty", &format(), String::new(), Rejected::Malformed),
        ] {
            assert_eq!(open(format, &value), Err(expected), "{row}");
        }
        let empty = format().seal_id("", SealContext::new("connect.sid", AT, &lifetimes(), &[7; 64]));
        assert_eq!(open(&format(), &empty), Err(Rejected::Corrupt), "an empty id, well signed");
        assert!(ExpressRecord::new("").build().is_err());
    }

    #[test]
    fn invalid_records_are_refused_with_a_reason() {
        for record in ["", "[]", "null", "{", "{}}"] {
            assert_eq!(
                format().open(record.as_bytes(), NOW, &lifetimes()).map(|_| ()),
                Err(Rejected::Corrupt),
                "{record}"
            );
        }
    }

    fn app(format: ExpressRecord) -> (App, std::sync::Arc<MemoryRecords>) {
        let store = std::sync::Arc::new(MemoryRecords::new());
        let sessions = SharedRecords::new(format, std::sync::Arc::clone(&store)).build().unwrap();
        (App::new(sessions), store)
    }

    #[tokio::test]
    async fn an_age_of_one_session_applies_on_both_sides() {
        let (app, store) = app(ExpressRecord::new("s").max_age(HOUR).build().unwrap());
        let mut browser = Browser::default();
        browser.visit(&app, |session| session.insert("a", 1).unwrap()).await;
        let id = store.ids().remove(0);
        let cookie =
            |store: &MemoryRecords| serde_json::from_str::<Value>(&store.text(&id).unwrap()).unwrap()["cookie"].clone();
        let usual = json!({"originalMaxAge": 3_600_000, "expires": "2023-11-14T23:13:20.000Z", "secure": true,
            "httpOnly": true, "path": "/", "sameSite": "lax"});
        assert_eq!(cookie(&store), usual);
        browser.visit(&app, |session| session.set_idle_timeout(Some(HOUR * 24))).await;
        assert_eq!(cookie(&store)["originalMaxAge"], json!(86_400_000));
        // The age that Express set for this session, with all members that Express wrote itself.
        let theirs = json!({"originalMaxAge": 60_000, "expires": "2023-11-14T22:14:20.000Z", "httpOnly": true, "path": "/x", "sameSite": "lax"});
        store.overwrite(&id, json!({"cookie": theirs, "a": 1}).to_string());
        browser.visit(&app, |session| session.insert("b", 1).unwrap()).await;
        assert_eq!(cookie(&store), theirs);
        app.clock.advance(Duration::from_secs(61));
        let (found, _) = browser.visit(&app, |session| session.get::<u8>("b").unwrap()).await;
        assert_eq!(found, None, "it ended after the minute that Express has given it");
    }

    #[tokio::test]
    async fn each_read_touches_and_a_touch_keeps_the_text() {
        let (app, store) = app(format());
        let mut browser = Browser::default();
        browser.visit(&app, |session| session.insert("a", 1).unwrap()).await;
        let id = store.ids().remove(0);
        let before = store.text(&id);
        for _ in 0..3 {
            app.clock.advance(Duration::from_secs(80_000));
            let (found, sent) = browser.visit(&app, |session| session.get::<u8>("a").unwrap()).await;
            assert_eq!((found, sent), (Some(1), 0));
        }
        assert_eq!(store.text(&id), before);
        app.clock.advance(Duration::from_secs(86_401));
        assert!(browser.visit(&app, |session| session.is_new()).await.0);
    }
}
