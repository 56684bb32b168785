//! Starlette's session cookie: cookies made by Starlette 0.20, 0.52 and 1.10 are read and written.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_bridge::{BridgedCookies, CookieFormat as _, CookieLife, IncomingCookie, SealContext, StarletteCookie};
use cloakroom_session::factory::Rejected;
use cloakroom_session::{Lifetimes, Timestamp};
use serde_json::Value;

use super::browser::{App, Browser, NOW};
use super::vectors::{text, vectors};

const SECRET: &str = "dev-secret-key";

fn format() -> StarletteCookie {
    StarletteCookie::new(SECRET).build().expect("a valid configuration")
}

/// Returns the JSON in a cookie.
fn payload(value: &str) -> String {
    String::from_utf8(STANDARD.decode(value.split('.').next().unwrap()).unwrap()).unwrap()
}

#[test]
fn cookies_made_by_starlette_are_read_and_written() {
    let (format, lifetimes) = (format(), Lifetimes::default());
    let all = vectors("starlette_session");
    for vector in &all {
        let (name, value) = (text(vector, "name"), text(vector, "cookie_value"));
        let record = format
            .open(IncomingCookie::new("session", value), &lifetimes)
            .unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(record.times().touched, Timestamp::from_unix_secs(1_700_000_000), "{name}");
        let members = serde_json::from_str::<Value>(&text(vector, "json").replace("NaN", "null")).unwrap();
        let mut keys: Vec<&str> = record.entries().map(|(key, _)| key).collect();
        keys.sort_unstable();
        let hidden = |key: &str| ["_flash", "csrf_token"].contains(&key);
        let mut expected: Vec<&String> = members.as_object().unwrap().keys().filter(|key| !hidden(key)).collect();
        expected.sort_unstable();
        assert_eq!(keys, expected, "{name}");
        let sealed = format.seal(&record, SealContext::new("session", NOW, &lifetimes, &[7; 64])).unwrap();
        let without = payload(&sealed.value).replace(r#", "_cloakroom": {"created":1700000000000}"#, "");
        assert_eq!(without, text(vector, "json"), "{name}: byte for byte, apart from our own member");
        assert_eq!(sealed.life, CookieLife::Lasts(Duration::from_secs(1_209_600)), "{name}");
    }
    println!("starlette: {} cookies read and written", all.len());
    assert_eq!(all.len(), 18);
}

#[test]
fn secrets_rotate_and_bad_cookies_are_refused() {
    let value = text(&vectors("starlette_session")[0], "cookie_value").to_owned();
    let signed = |payload: &str| {
        // Signed by Starlette's own signer; see the vectors.
        let list = vectors("starlette_refused");
        text(list.iter().find(|it| it["name"] == payload).unwrap(), "cookie_value").to_owned()
    };
    for (name, builder, value, expected) in [
        ("the secret", StarletteCookie::new(SECRET), value.clone(), Ok(())),
        ("an earlier one", StarletteCookie::new("new").previous(SECRET), value.clone(), Ok(())),
        ("another secret", StarletteCookie::new("new"), value.clone(), Err(Rejected::Forged)),
        ("changed", StarletteCookie::new(SECRET), value.replacen("eyJ", "eyK", 1), Err(Rejected::Forged)),
        ("cut", StarletteCookie::new(SECRET), value[..20].to_owned(), Err(Rejected::Malformed)),
        ("the mark of a removed cookie", StarletteCookie::new(SECRET), "null".to_owned(), Err(Rejected::Malformed)),
        ("a list", StarletteCookie::new(SECRET), signed("a list"), Err(Rejected::Corrupt)),
        ("not base64", StarletteCookie::new(SECRET), signed("not base64"), Err(Rejected::Corrupt)),
        ("not JSON", StarletteCookie::new(SECRET), signed("not JSON"), Err(Rejected::Corrupt)),
        ("signed without a time", StarletteCookie::new(SECRET), signed("without a time"), Err(Rejected::Malformed)),
    ] {
        let opened = builder.build().unwrap().open(IncomingCookie::new("session", &value), &Lifetimes::default());
        assert_eq!(opened.map(|_| ()), expected, "{name}");
    }
    assert!(StarletteCookie::new("").build().unwrap_err().to_string().contains("secret_key"));
}

#[test]
fn without_max_age_the_cookie_ends_with_the_browser() {
    let format = StarletteCookie::new(SECRET).max_age(None).build().unwrap();
    let value = text(&vectors("starlette_session")[0], "cookie_value").to_owned();
    let record = format.open(IncomingCookie::new("session", &value), &format.lifetimes()).unwrap();
    assert_eq!((record.times().idle_deadline, record.times().absolute_deadline), (None, None));
    let lifetimes = format.lifetimes();
    let sealed = format.seal(&record, SealContext::new("session", NOW, &lifetimes, &[7; 64])).unwrap();
    assert_eq!(sealed.life, CookieLife::BrowserSession);
}

#[tokio::test]
async fn messages_are_under_one_key() {
    let app = App::new(BridgedCookies::new(format()).build().unwrap());
    let mut browser = Browser::default();
    browser
        .visit(&app, |session| {
            session.flash("plain");
            session.flash_queue("success").push("good");
        })
        .await;
    let object = payload(&browser.jar["session"]);
    assert!(object.contains(r#""_flash": {"message": ["plain"], "success": ["good"]}"#), "{object}");
    let (messages, _) = browser
        .visit(&app, |session| (session.pop_flash::<String>(), session.flash_queue("success").pop::<String>()))
        .await;
    assert_eq!(messages, (vec!["plain".to_owned()], vec!["good".to_owned()]));
    assert!(!payload(&browser.jar["session"]).contains("_flash"));
}
