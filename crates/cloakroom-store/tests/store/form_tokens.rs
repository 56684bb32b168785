//! Visitors who only see a form: the token is in their cookie, and the store has no record.

use std::sync::Arc;

use cloakroom_session::factory::{CookieHeader, Rejected, SessionFactory as _};
use cloakroom_session::{CookieConfig, Session};
use cloakroom_store::{MemoryStore, StoredSessions};

use crate::faulty::{App, NOW};

const NAME: &str = "__Host-Http-session";

fn app() -> App<MemoryStore> {
    App::with(Arc::new(MemoryStore::new()), |sessions| {
        sessions.cookie(CookieConfig::default()).form_tokens_in_cookie(true)
    })
}

fn token(session: &Session) -> String {
    session.csrf_token().unwrap().expose().to_owned()
}

#[tokio::test]
async fn crawlers_on_a_page_with_a_form_fill_nothing() {
    let app = app();
    for _ in 0..1000 {
        let cookie = app.visit("", |session| drop(session.csrf_token().unwrap())).await;
        assert!(cookie.starts_with(&format!("{NAME}=form.")), "{cookie}");
    }
    assert!(app.sessions.store().is_empty());
}

#[tokio::test]
async fn a_form_stays_valid_until_something_is_stored_and_beyond() {
    let app = app();
    let mut shown = String::new();
    let cookie = app.visit("", |session| shown = token(session)).await;
    // Another page, and the check of a form: the same token, and no further cookie.
    for _ in 0..2 {
        let request = app.request(&cookie).await.unwrap();
        assert!(request.session.is_new());
        assert_eq!(token(&request.session), shown);
        assert!(request.finish().await.unwrap().is_empty());
    }
    let begun = app.visit(&cookie, |session| session.insert("cart", 1).unwrap()).await;
    assert!(!begun.contains("form.") && app.sessions.store().len() == 1);
    // A form in another tab.
    app.visit(&begun, |session| assert_eq!(token(session), shown)).await;
    let mut signed_in = String::new();
    let owned = app.visit(&cookie, |session| session.set_owner("ann")).await;
    app.visit(&owned, |session| signed_in = token(session)).await;
    assert_ne!(signed_in, shown, "a token from before a sign-in is useless");
}

#[tokio::test]
async fn a_session_counts_more_than_a_token_beside_it() {
    let app = app();
    let form = app.visit("", |session| drop(session.csrf_token().unwrap())).await;
    let begun = app.visit("", |session| session.insert("cart", 1).unwrap()).await;
    for cookie in [format!("{form}; {begun}"), format!("{begun}; {form}")] {
        app.visit(&cookie, |session| assert_eq!(session.get("cart").unwrap(), Some(1))).await;
    }
    let shown = app.visit(&form, |session| assert!(session.is_new())).await;
    assert_eq!(shown, form);
}

#[tokio::test]
async fn only_tokens_in_our_form_are_read() {
    let app = app();
    let other = "A".repeat(43);
    for (value, rejected) in [
        ("form.".to_owned(), Some(Rejected::Malformed)),
        ("form.short".to_owned(), Some(Rejected::Malformed)),
        (format!("form.{other}A"), Some(Rejected::Malformed)),
        (format!("form.{}!", &other[1..]), Some(Rejected::Malformed)),
        // Not canonical: the last character has bits that no token has.
        (format!("form.{}B", &other[1..]), Some(Rejected::Malformed)),
        (format!("Form.{other}"), Some(Rejected::Malformed)),
        (format!("form.{other}"), None),
    ] {
        let header = format!("{NAME}={value}");
        let opened = app.sessions.open(CookieHeader::new([header.as_bytes()]), NOW).await.unwrap();
        assert_eq!(opened.rejected(), rejected, "{value}");
        assert_eq!(opened.known_csrf_token().is_some(), rejected.is_none(), "{value}");
        let shown = opened.known_csrf_token().map(|token| token.expose().to_owned());
        assert_eq!(shown, rejected.is_none().then(|| other.clone()), "{value}");
    }
}

/// Sibling domains can plant a cookie of another name, with a token that they know.
#[test]
fn the_name_needs_the_host_prefix() {
    for (name, is_right) in
        [("__Host-session", true), ("__Host-Http-a", true), ("session", false), ("__Secure-a", false)]
    {
        let config = CookieConfig::default().name(name);
        let built = StoredSessions::new(MemoryStore::new()).cookie(config).form_tokens_in_cookie(true).build();
        assert_eq!(
            built.map(|_| ()).map_err(|error| error.option()),
            if is_right { Ok(()) } else { Err("form_tokens_in_cookie") }
        );
    }
}

/// By default the session begins with the token, so that concurrent requests change one session.
#[tokio::test]
async fn without_the_option_the_store_has_the_token() {
    let app = App::with(Arc::new(MemoryStore::new()), |sessions| sessions.cookie(CookieConfig::default()));
    let planted = "A".repeat(43);
    let mut shown = String::new();
    let cookie = app.visit(&format!("{NAME}=form.{planted}"), |session| shown = token(session)).await;
    assert_ne!(shown, planted);
    assert_eq!(app.sessions.store().len(), 1);
    app.visit(&cookie, |session| assert_eq!(token(session), shown)).await;
}

#[tokio::test]
async fn an_early_commit_sends_the_token_that_pages_have() {
    let app = app();
    let request = app.request("").await.unwrap();
    let shown = token(&request.session);
    request.session.commit_now().await.unwrap();
    assert_eq!(token(&request.session), shown);
    request.session.insert("cart", 1).unwrap();
    let session = request.session.clone();
    let cookies = request.finish().await.unwrap();
    assert_eq!((cookies.len(), app.sessions.store().len()), (1, 1));
    assert!(!cookies[0].contains("form.") && token(&session) == shown);
}
