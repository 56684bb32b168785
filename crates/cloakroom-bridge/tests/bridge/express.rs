//! Express: `cookie-session`.

use cloakroom_bridge::{BridgedCookies, CookieFormat as _, ExpressCookie, Presented, Sealing};
use cloakroom_session::{Lifetimes, Rejected};
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

/// The values of the two cookies that Express has set.
fn pair(vector: &Value) -> Option<(String, Option<String>)> {
    let value = |name: &str| {
        let mut lines = vector["set_cookie"].as_array()?.iter().filter_map(Value::as_str);
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.split(';').next()?.to_owned())
    };
    Some((value("session").filter(|value| !value.is_empty())?, value("session.sig")))
}

#[test]
fn cookies_of_express_are_read_and_written_as_they_were() {
    let (mut read, mut written) = (0, 0);
    for vector in document("express")["cookie_session"].as_array().unwrap() {
        let name = text(vector, "name");
        let Some((value, signature)) = pair(vector) else { continue };
        let cookie = Presented::new("session", &value).with_companion(signature.as_deref()).at(NOW);
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
        // Nothing of ours has to be kept: the session began now, as far as anybody knows.
        let sealed = format(&["key1"]).seal(&record, Sealing::new("session", NOW, &lifetimes(), &[7; 64])).unwrap();
        let written_value = base64_text(&sealed.value);
        let ours = format!(",\"_cloakroom\":{{\"created\":{}}}", NOW.unix_millis());
        assert_eq!(written_value.replace(&ours, ""), text(vector, "payload_json"), "{name}");
        let again = Presented::new("session", &sealed.value).with_companion(sealed.companion.as_deref());
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
    // The session of the first vector, whose signature another key has made in another one.
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
        let cookie = Presented::new(name, value).with_companion(signature).at(NOW);
        assert_eq!(format(keys).open(cookie, &lifetimes()).map(|_| ()), expected, "{row}");
    }
    assert!(ExpressCookie::new("").build().is_err());
}

/// A cookie with a good signature around this text.
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
async fn what_nobody_touched_is_written_byte_for_byte() {
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
async fn messages_and_tokens_are_where_express_has_them() {
    let app = App::new(BridgedCookies::new(format(&["key1"])).build().unwrap());
    let mut browser = Browser::default();
    let (token, _) = browser
        .visit(&app, |session| {
            session.flash("a").unwrap();
            session.flash_queue("error").flash("b").unwrap();
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
            (session.pop_flash::<Value>("").unwrap(), session.peek_flash::<Value>("warn").unwrap(), session.keys())
        })
        .await;
    assert_eq!(found, (vec![json!("x"), json!("y")], vec![json!({"k": 1})], vec![]));
    let written: Value = serde_json::from_str(&base64_text(&browser.jar["session"])).unwrap();
    assert_eq!(written["flash"], json!({"warn": [{"k": 1}]}));
    let (_, sent) = browser.visit(&app, |session| session.invalidate()).await;
    assert_eq!((sent, browser.jar.len()), (2, 0), "both cookies are removed");
}

#[test]
fn what_a_good_signature_protects_may_still_be_no_session() {
    for (payload, expected) in
        [("[]", Rejected::Corrupt), ("null", Rejected::Corrupt), ("{", Rejected::Corrupt), ("{}{}", Rejected::Corrupt)]
    {
        let (value, tag) = signed(payload);
        let cookie = Presented::new("session", &value).with_companion(Some(&tag)).at(NOW);
        assert_eq!(format(&["key1"]).open(cookie, &lifetimes()).map(|_| ()), Err(expected), "{payload}");
    }
}
