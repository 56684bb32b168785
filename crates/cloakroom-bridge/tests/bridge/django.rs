//! Django: cookies and rows made by Django 5.2 are read and written.

use cloakroom_bridge::{
    BridgedCookies, CookieFormat as _, DjangoCookie, DjangoRecord, IncomingCookie, RecordFormat as _, SealContext,
};
use cloakroom_session::factory::{Record, Rejected};
use cloakroom_session::{Lifetimes, Message};
use serde_json::Value;

use super::browser::{App, Browser, NOW};
use super::vectors::{text, vectors};

const SECRET: &str = "django-insecure-test-key";

fn values(record: &Record) -> Value {
    let parse = |json: &str| serde_json::from_str::<Value>(json).unwrap();
    Value::Object(record.entries().map(|(key, value)| (key.to_owned(), parse(value.as_str()))).collect())
}

#[test]
fn sessions_made_by_django_are_read_and_written() {
    let (cookie, row) = (DjangoCookie::new(SECRET).build().unwrap(), DjangoRecord::new(SECRET).unwrap());
    let lifetimes = Lifetimes::default();
    let (mut cookies, mut rows) = (0, 0);
    for vector in vectors("django_session") {
        let (name, value) = (text(&vector, "name"), text(&vector, "value"));
        let expected: Value = serde_json::from_str(text(&vector, "json")).unwrap();
        let sealing = SealContext::new("sessionid", NOW, &lifetimes, &[7; 64]);
        let (record, again) = if name.starts_with("signed_cookies") {
            cookies += 1;
            assert_eq!(
                row.open(value.as_bytes(), NOW, &lifetimes).unwrap_err(),
                Rejected::Forged,
                "{name}: another salt"
            );
            let record = cookie
                .open(IncomingCookie::new("sessionid", value), &lifetimes)
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            let sealed = cookie.seal(&record, sealing).unwrap();
            (record, cookie.open(IncomingCookie::new("sessionid", &sealed.value), &lifetimes).unwrap())
        } else {
            rows += 1;
            let record = row.open(value.as_bytes(), NOW, &lifetimes).unwrap_or_else(|why| panic!("{name}: {why}"));
            let sealed = row.seal("id", &record, sealing).unwrap();
            (record, row.open(&sealed, NOW, &lifetimes).unwrap())
        };
        assert_eq!(values(&record), expected, "{name}");
        assert_eq!(again.entries().collect::<Vec<_>>(), record.entries().collect::<Vec<_>>(), "{name}");
        assert_eq!(again.times().touched, NOW, "{name}");
    }
    println!("django: {cookies} cookies and {rows} rows read and written");
    assert_eq!((cookies, rows), (4, 4));
}

/// The session of a visitor who signed in on Django 3.2, which stores its token under a mask.
#[test]
fn forms_of_sessions_from_django_3_2_are_shared() {
    const COOKIE: &str = "eyJ1c2VyIjo0MiwiX2NzcmZ0b2tlbiI6IklxY1lMeFZweEp3YzVMeFNSRUp6SDFUdXdEMks3T1lhdmx1d0tlODg5M0M3V1hWcDR1eDBFeHdtNXJ4alpYcXcifQ:1xXewm:XSDJZ2hidhDKszfe22zg3X2yYGuqda56_lGYjRIpib8";
    let format = DjangoCookie::new("dj-secret-invented").csrf_cookie_masked(true).build().unwrap();
    let record = format.open(IncomingCookie::new("sessionid", COOKIE), &Lifetimes::default()).unwrap();
    let token = record.csrf().unwrap();
    assert_eq!(token.expose().len(), 64);
    let form = token.mask(&[5; 32]);
    assert!(form.len() == 64 && token.matches(&form) && !token.matches(&form[32..]));
    // Django's own forms have any mask: the stored text itself is one of them.
    assert!(token.matches(token.expose()));
}

#[tokio::test]
async fn levels_and_tags_are_messages_and_queues() {
    let app = App::new(BridgedCookies::new(DjangoCookie::new(SECRET).build().unwrap()).build().unwrap());
    let mut browser = Browser::default();
    browser
        .visit(&app, |session| {
            session.flash(Message::success("Sävéd"));
            session.flash_queue("cart").push(Message::error("no"));
            session.flash("plain");
            session.flash_queue("cart").push("plain");
        })
        .await;
    let (messages, _) = browser
        .visit(&app, |session| {
            let value = |queue| session.flash_queue(queue).peek::<Value>();
            (value(""), value("cart"))
        })
        .await;
    assert_eq!(messages.0, [Value::from(vec!["success", "Sävéd"]), Value::from("plain")]);
    assert_eq!(messages.1, [Value::from(vec!["error", "no"]), Value::from("plain")]);
}

#[tokio::test]
async fn django_accepts_the_token() {
    let app = App::new(BridgedCookies::new(DjangoCookie::new(SECRET).build().unwrap()).build().unwrap());
    let mut browser = Browser::default();
    let (tokens, _) =
        browser.visit(&app, |session| (session.csrf_token().unwrap(), session.masked_csrf_token().unwrap())).await;
    let alphanumeric = |text: &str| text.bytes().all(|it| it.is_ascii_alphanumeric());
    assert!(tokens.0.expose().len() == 32 && alphanumeric(tokens.0.expose()));
    assert!(tokens.1.len() == 64 && alphanumeric(&tokens.1));
    let (again, _) = browser.visit(&app, |session| session.csrf_token().unwrap()).await;
    assert!(again.matches(&tokens.1) && again.matches(tokens.0.expose()));
    let (new, _) = browser.visit(&app, |session| session.new_csrf_token().unwrap()).await;
    assert!(new.expose().len() == 32 && !new.matches(&tokens.1));
}
