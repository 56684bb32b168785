//! Plug and Phoenix, with a JSON serializer.

use std::time::Duration;

use cloakroom_bridge::{BridgedCookies, CookieFormat as _, IncomingCookie, PlugCookie, SealContext};
use cloakroom_session::Lifetimes;
use cloakroom_session::adapter::CookieHeader;
use cloakroom_session::factory::Rejected;
use serde_json::{Value, json};

use super::browser::{App, Browser, NOW};
use super::vectors::{document, text};

fn lifetimes() -> Lifetimes {
    Lifetimes::default().idle_timeout(None).absolute_timeout(None)
}

fn formats(vectors: &Value) -> [PlugCookie; 2] {
    let secret = text(vectors, "secret_key_base");
    let signed = PlugCookie::signed(secret, text(vectors, "signing_salt")).build().unwrap();
    let encrypted = PlugCookie::encrypted(secret, text(vectors, "encryption_salt")).build().unwrap();
    [signed, encrypted]
}

fn open(format: &PlugCookie, value: &str) -> Result<Value, Rejected> {
    let record = format.open(IncomingCookie::new("_key", value).at(NOW), &lifetimes())?;
    Ok(record.entries().map(|(key, value)| (key.to_owned(), value.decode::<Value>(key).unwrap())).collect())
}

#[test]
fn cookies_of_plug_are_read_and_written() {
    let vectors = document("plug_session");
    let [signed, encrypted] = formats(&vectors);
    let value = text(&vectors, "json_signed_cookie");
    assert_eq!(open(&signed, value), Ok(json!({"user_id": 42})));
    // Erlang's own terms may contain code. Their cookies are refused although both seals are valid.
    assert_eq!(open(&signed, text(&vectors, "signed_cookie")), Err(Rejected::UnsafeSerializer));
    assert_eq!(open(&encrypted, text(&vectors, "encrypted_cookie_xcp")), Err(Rejected::UnsafeSerializer));

    for format in [&signed, &encrypted] {
        let record = signed.open(IncomingCookie::new("_key", value).at(NOW), &lifetimes()).unwrap();
        let sealed = format.seal(&record, SealContext::new("_key", NOW, &lifetimes(), &[7; 64])).unwrap();
        assert_eq!(open(format, &sealed.value), Ok(json!({"user_id": 42})));
    }
    println!("plug: 1 cookie read, 2 refused for their serializer, 2 written");
}

#[test]
fn refused_cookies_have_a_reason() {
    let vectors = document("plug_session");
    let [signed, encrypted] = formats(&vectors);
    let value = text(&vectors, "json_signed_cookie");
    let xcp = text(&vectors, "encrypted_cookie_xcp");
    for (row, format, value, expected) in [
        ("changed", &signed, value.replace(".ey", ".ez"), Rejected::Forged),
        ("without a tag", &signed, value[..value.len() - 44].to_owned(), Rejected::Malformed),
        ("another algorithm", &signed, value.replace("SFMyNTY", "SFM1MTI"), Rejected::UnknownFormat),
        ("encrypted, where signed is expected", &signed, xcp.to_owned(), Rejected::UnknownFormat),
        ("signed, where encrypted is expected", &encrypted, value.to_owned(), Rejected::UnknownFormat),
        ("encrypted, changed", &encrypted, format!("{}A", &xcp[..xcp.len() - 1]), Rejected::Forged),
        ("encrypted, cut", &encrypted, xcp[..24].to_owned(), Rejected::Malformed),
        ("empty", &signed, String::new(), Rejected::UnknownFormat),
    ] {
        assert_eq!(open(format, &value), Err(expected), "{row}");
    }
    let (secret, salt) = (text(&vectors, "secret_key_base"), text(&vectors, "signing_salt"));
    let another = PlugCookie::signed("another", salt).build().unwrap();
    assert_eq!(open(&another, value), Err(Rejected::Forged), "another secret");
    let rotated = PlugCookie::signed("another", salt).also_read(secret, salt).build().unwrap();
    assert!(open(&rotated, value).is_ok(), "a configured secret");
    assert!(PlugCookie::signed("", salt).build().is_err());
}

#[tokio::test]
async fn messages_and_tokens_have_the_keys_of_phoenix() {
    let vectors = document("plug_session");
    let [signed, _] = formats(&vectors);
    let app = App::new(BridgedCookies::new(signed).build().unwrap());
    let mut browser = Browser::default();
    let (form, _) = browser
        .visit(&app, |session| {
            session.flash("a");
            session.flash_queue("error").push("b");
            session.masked_csrf_token().unwrap()
        })
        .await;
    assert_eq!(form.len(), 56);
    let (found, _) = browser
        .visit(&app, |session| (session.pop_flash::<String>(), session.flash_queue("error").peek::<String>()))
        .await;
    assert_eq!(found, (vec!["a".to_owned()], vec!["b".to_owned()]));
    use base64::Engine as _;
    let payload = browser.jar["_key"].split('.').nth(1).unwrap().to_owned();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["phoenix_flash"], json!({"error": "b"}));
    assert_eq!(payload["_csrf_token"].as_str().map(str::len), Some(24));
}

/// `max_age` of Plug.Session: only a write sends the cookie again.
#[tokio::test]
async fn the_cookie_lives_as_long_as_plugs() {
    let vectors = document("plug_session");
    let [signed, _] = formats(&vectors);
    for max_age in [None, Some(Duration::from_secs(600)), Some(Duration::from_secs(90 * 24 * 60 * 60))] {
        let sessions = BridgedCookies::new(signed.clone()).max_age(max_age).build().unwrap();
        let app = App::new(sessions);
        let mut browser = Browser::with("_key", text(&vectors, "json_signed_cookie"));
        for late in [1, 500_000] {
            app.clock.advance(Duration::from_secs(late));
            let (user, sent) = browser.visit(&app, |session| session.get::<u32>("user_id").unwrap()).await;
            assert_eq!((user, sent), (Some(42), 0), "a read after {late} s");
        }
        let header = format!("_key={}", browser.jar["_key"]);
        let slot = app.slot();
        let session = slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap();
        session.insert("cart", 1).unwrap();
        let line = slot.finish(200).await.unwrap().cookies[0].as_str().to_owned();
        let expected = max_age.map(|age| format!("Max-Age={}", age.as_secs()));
        let found = line.split("; ").find(|part| part.starts_with("Max-Age"));
        assert_eq!(found.map(str::to_owned), expected, "{line}");
        assert!(!line.contains("Expires") || max_age.is_some(), "{line}");
    }
}
