//! Flask's session cookie: cookies made by Flask 3.1 are read and written.

use std::time::Duration;

use cloakroom_bridge::{
    BridgedCookies, CookieFormat as _, CookieLife, FlaskCookie, FlaskWtf, IncomingCookie, SealContext,
};
use cloakroom_session::factory::{Json, Rejected};
use cloakroom_session::{CsrfToken, Lifetimes, Timestamp};
use serde_json::{Value, json};

use super::browser::{App, Browser, NOW};
use super::vectors::{document, text, vectors};

const SECRET: &str = "dev-secret-key";

fn format() -> FlaskCookie {
    FlaskCookie::new(SECRET).build().expect("a valid configuration")
}

#[test]
fn cookies_made_by_flask_are_read_and_written() {
    let (format, lifetimes) = (format(), Lifetimes::default());
    let (mut read, mut written, mut identical) = (0, 0, 0);
    for vector in vectors("flask_session") {
        let (name, value) = (text(&vector, "name"), text(&vector, "cookie_value"));
        let record = format
            .open(IncomingCookie::new("session", value), &lifetimes)
            .unwrap_or_else(|why| panic!("{name}: {why}"));
        let expected: Value = serde_json::from_str(text(&vector, "json")).unwrap();
        for (key, value) in expected.as_object().unwrap().iter().filter(|(key, _)| !key.starts_with('_')) {
            let found = record.get(key).as_ref().map(|json| serde_json::from_str::<Value>(json.as_str()).unwrap());
            // Handlers see an escaped object as Flask's handlers do.
            let plain = value.get(" di").and_then(|escaped| escaped.get(" t__")).map(|value| json!({" t": value}));
            assert_eq!(found.as_ref(), Some(plain.as_ref().unwrap_or(value)), "{name}: {key}");
        }
        read += 1;
        let sealed = format.seal(&record, SealContext::new("session", NOW, &lifetimes, &[7; 64])).unwrap();
        // Two implementations of zlib may compress differently, and this side adds the creation
        // time. The decoded content must be the same.
        let again = format.open(IncomingCookie::new("session", &sealed.value), &lifetimes).unwrap();
        assert_eq!(again.entries().collect::<Vec<_>>(), record.entries().collect::<Vec<_>>(), "{name}");
        let object = payload(&sealed.value);
        let without = object
            .replace(r#","_cloakroom":{"created":1700000000000}"#, "")
            .replace(r#""_cloakroom":{"created":1700000000000}"#, "");
        assert_eq!(without, text(&vector, "json"), "{name}: byte for byte, apart from our own member");
        written += 1;
        identical += usize::from(sealed.value == value);
    }
    println!("flask: {read} cookies read, {written} written, of which {identical} are the same text");
    assert!(read == 13, "{read} vectors");
}

/// Returns the JSON in a cookie.
fn payload(value: &str) -> String {
    use base64::Engine as _;
    use std::io::Read as _;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (packed, body) = value.strip_prefix('.').map_or((false, value), |body| (true, body));
    let bytes = engine.decode(body.split(['.', ':']).next().unwrap()).unwrap();
    let mut text = String::new();
    if packed {
        flate2::read::ZlibDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

#[test]
fn secrets_rotate_and_wrong_ones_are_refused() {
    let value = text(&vectors("flask_session")[1], "cookie_value").to_owned();
    let changed = value.replacen("eyJ", "eyK", 1);
    for (name, builder, value, expected) in [
        ("the secret", FlaskCookie::new(SECRET), value.as_str(), Ok(())),
        ("a fallback", FlaskCookie::new("new").fallback(SECRET), &value, Ok(())),
        ("another secret", FlaskCookie::new("new"), &value, Err(Rejected::Forged)),
        ("another salt", FlaskCookie::new(SECRET).salt("other"), &value, Err(Rejected::Forged)),
        ("changed", FlaskCookie::new(SECRET), &changed, Err(Rejected::Forged)),
        ("cut", FlaskCookie::new(SECRET), &value[..20], Err(Rejected::Malformed)),
        ("without dots", FlaskCookie::new(SECRET), "abc", Err(Rejected::Malformed)),
    ] {
        let opened = builder.build().unwrap().open(IncomingCookie::new("session", value), &Lifetimes::default());
        assert_eq!(opened.map(|_| ()), expected, "{name}");
    }
}

#[tokio::test]
async fn categories_are_queues() {
    let app = App::new(BridgedCookies::new(format()).build().unwrap());
    let mut browser = Browser::default();
    browser
        .visit(&app, |session| {
            session.flash("plain");
            session.flash_queue("success").push("good");
        })
        .await;
    let value = browser.jar["session"].clone();
    assert!(
        payload(&value).contains(r#""_flashes":[{" t":["message","plain"]},{" t":["success","good"]}]"#),
        "{}",
        payload(&value)
    );
    let (messages, _) = browser
        .visit(&app, |session| (session.pop_flash::<String>(), session.flash_queue("success").pop::<String>()))
        .await;
    assert_eq!(messages, (vec!["plain".to_owned()], vec!["good".to_owned()]));
    assert!(!payload(&browser.jar["session"]).contains("_flashes"));
    // It would be read back as the default queue.
    let error = browser.try_visit(&app, |session| session.flash_queue("message").push("x")).await.unwrap_err();
    assert!(error.is_reserved() && error.key() == Some("message"), "{error}");
}

#[test]
fn forms_of_flask_wtf_are_read_and_made() {
    let token = CsrfToken::from_text("0123456789abcdef0123456789abcdef01234567").unwrap();
    let forms = FlaskWtf::new(SECRET).unwrap();
    let field = forms.issue(&token, NOW);
    let other = CsrfToken::from_text("other").unwrap();
    let hour = Duration::from_secs(3600);
    for (name, token, field, at, expected) in [
        ("fresh", &token, field.as_str(), NOW, true),
        ("an hour old", &token, &field, NOW + hour, true),
        ("older", &token, &field, NOW + hour + Duration::from_secs(1), false),
        ("from the future", &token, &field, Timestamp::from_unix_secs(1_600_000_000), false),
        ("of another session", &other, &field, NOW, false),
        ("the raw token", &token, token.expose(), NOW, false),
    ] {
        assert_eq!(forms.check(token, field, at), expected, "{name}");
    }
}

#[test]
fn permanent_sessions_stay_so() {
    let vector = vectors("flask_session").into_iter().find(|it| it["name"] == "permanent").unwrap();
    let (format, lifetimes) = (format(), Lifetimes::default());
    let record = format.open(IncomingCookie::new("session", text(&vector, "cookie_value")), &lifetimes).unwrap();
    assert_eq!(record.get("_permanent"), None, "Flask's own");
    let sealed = format.seal(&record, SealContext::new("session", NOW, &lifetimes, &[7; 64])).unwrap();
    assert_eq!(sealed.life, CookieLife::Lasts(Duration::from_secs(31 * 24 * 60 * 60)));
    assert!(payload(&sealed.value).contains(r#""_permanent":true"#));
    assert_eq!(document("flask_session")["salt"], "cookie-session");
    assert_eq!(record.get("user_id").as_ref().map(Json::as_str), Some("42"));
}
