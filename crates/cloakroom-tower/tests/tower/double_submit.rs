//! Tokens in a separate signed cookie, for pages that must not create a session.

use axum::Router;
use axum::routing::{any, get};
use cloakroom_session::{CookieConfig, CsrfGuard, Keyring, SameSite};
use cloakroom_tower::CsrfLayer;
use cloakroom_tower::axum::FormToken;
use http::{Request, header};

use crate::browser::{Browser, Kept, NAME, Sent, Site, always, full, key, request, session_layer, set_cookies};

const COOKIE: &str = "__Host-Http-csrf";

fn site_with(keyring: &Keyring, cookie: CookieConfig) -> Site {
    let guard = CsrfGuard::double_submit(always(), keyring, cookie, Some(NAME)).unwrap();
    let router = Router::new()
        .route("/token", get(|token: FormToken| async move { token.to_string() }))
        .route("/twice", get(|one: FormToken, other: FormToken| async move { format!("{one} {other}") }))
        .route("/plain", get(|| async { "plain" }))
        .route("/", any(|| async { "ran" }));
    // No session layer: this policy needs none.
    Site::new(router.layer(CsrfLayer::from_guard(guard)))
}

fn config() -> CookieConfig {
    CookieConfig::default().name(COOKIE)
}

fn site() -> Site {
    site_with(&Keyring::new(key(1)), config())
}

fn text(response: http::Response<bytes::Bytes>) -> String {
    String::from_utf8(response.into_body().to_vec()).unwrap()
}

fn post(token: &str) -> Request<Sent> {
    request("POST", "/").header("sec-fetch-site", "same-origin").header("x-csrf-token", token).body(full("")).unwrap()
}

#[test]
fn a_token_cookie_is_issued_once() {
    let site = site();
    let mut browser = Browser::default();
    assert!(
        browser.get(&site, "/plain").headers().get(header::SET_COOKIE).is_none(),
        "a page without a form sets no token cookie"
    );
    let first = browser.get(&site, "/token");
    assert_eq!(set_cookies(&first).len(), 1);
    assert_eq!(first.headers()[header::CACHE_CONTROL], "private, no-store");
    let cookie = browser.value(COOKIE).unwrap().to_owned();
    let second = browser.get(&site, "/token");
    assert!(set_cookies(&second).is_empty());
    assert_eq!(browser.value(COOKIE), Some(cookie.as_str()));
    let (first, second) = (text(first), text(second));
    assert_ne!(first, second, "masked");
    for token in [first, second] {
        assert_eq!(browser.send(&site, post(&token)).status(), 200);
    }
}

#[test]
fn two_forms_of_one_page_share_the_new_token() {
    let site = site();
    let mut browser = Browser::default();
    let response = browser.get(&site, "/twice");
    assert_eq!(set_cookies(&response).len(), 1);
    for token in text(response).split(' ') {
        assert_eq!(browser.send(&site, post(token)).status(), 200);
    }
}

#[test]
fn a_page_with_a_token_is_not_cached_for_other_visitors() {
    let site = site();
    let mut browser = Browser::default();
    for visit in ["the first", "the second"] {
        let response = browser.get(&site, "/token");
        assert_eq!(response.headers()[header::VARY], "cookie", "{visit}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private, no-store", "{visit}");
    }
    assert!(!browser.get(&site, "/plain").headers().contains_key(header::VARY));
}

#[test]
fn the_token_cookie_has_the_configured_attributes() {
    let response = Browser::default().get(&site(), "/token");
    let lines = set_cookies(&response);
    assert!(lines[0].starts_with(&format!("{COOKIE}=s1.")), "{lines:?}");
    assert!(lines[0].ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{lines:?}");
    let strict = site_with(&Keyring::new(key(1)), config().name("__Host-t").same_site(SameSite::Strict).partitioned());
    let lines = set_cookies(&Browser::default().get(&strict, "/token"));
    assert!(lines[0].ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict; Partitioned"), "{lines:?}");
    let wrong = CsrfGuard::double_submit(always(), &Keyring::new(key(1)), config().domain("example.com"), None);
    assert_eq!(wrong.unwrap_err().option(), "domain");
}

#[test]
fn a_forged_token_cookie_is_ignored() {
    let site = site();
    let mut browser = Browser::default();
    let token = text(browser.get(&site, "/token"));
    let good = browser.value(COOKIE).unwrap().to_owned();
    let other_key = site_with(&Keyring::new(key(2)), config());
    let other_name = site_with(&Keyring::new(key(1)), config().name("__Host-other"));
    let issued = |site: &Site| {
        let mut browser = Browser::default();
        browser.get(site, "/token");
        browser.jar[0].value.clone()
    };
    for (name, value) in [
        ("plain text, as Pyramid has it", "token".to_owned()),
        ("empty", String::new()),
        ("cut", good[..good.len() - 4].to_owned()),
        ("another key", issued(&other_key)),
        ("another name", issued(&other_name)),
    ] {
        let mut attacked = Browser::default();
        attacked.jar.push(Kept { name: COOKIE.to_owned(), value, until: None });
        for token in ["token", "", token.as_str()] {
            let response = attacked.send(&site, post(token));
            assert_eq!(response.status(), 403, "{name}");
            assert!(set_cookies(&response).is_empty(), "{name}");
        }
        let page = attacked.get(&site, "/token");
        assert_eq!(set_cookies(&page).len(), 1, "{name}: the next form gets a new token");
        assert_eq!(attacked.send(&site, post(&text(page))).status(), 200, "{name}");
    }
}

#[test]
fn session_cookies_and_token_cookies_are_not_interchangeable() {
    let guard = CsrfGuard::double_submit(always(), &Keyring::new(key(1)), config(), Some(NAME)).unwrap();
    let router = Router::new()
        .route("/token", get(|token: FormToken| async move { token.to_string() }))
        .route("/in", get(|session: cloakroom_session::Session| async move { session.insert("user", "ann").unwrap() }))
        .route("/", any(|| async { "ran" }));
    let site = Site::new(router.layer(CsrfLayer::from_guard(guard)).layer(session_layer()));
    let mut browser = Browser::default();
    browser.get(&site, "/in");
    let token = text(browser.get(&site, "/token"));
    assert_eq!(browser.jar.len(), 2);
    let (one, other) = (browser.jar[0].value.clone(), browser.jar[1].value.clone());
    (browser.jar[0].value, browser.jar[1].value) = (other, one);
    assert_eq!(browser.send(&site, post(&token)).status(), 403, "swapped");
}

#[test]
fn keys_of_token_cookies_rotate() {
    let (old, new) = (key(1), key(2));
    let before = site_with(&Keyring::new(old.clone()), config());
    let after = site_with(&Keyring::new(new).previous(old).unwrap(), config());
    let mut browser = Browser::default();
    let token = text(browser.get(&before, "/token"));
    assert_eq!(browser.send(&after, post(&token)).status(), 200);
}

#[test]
fn a_token_cookie_needs_a_host_prefix() {
    let keyring = Keyring::new(key(1));
    let name = |name: &str| CookieConfig::default().name(name);
    for (row, cookie, session, refused) in [
        ("no prefix", name("app").danger_insecure(), Some(NAME), true),
        ("a prefix that lets sibling domains set it", name("__Secure-csrf"), Some(NAME), true),
        ("a prefix", name("__Host-csrf"), Some(NAME), false),
        ("both prefixes", name("__Host-Http-csrf"), None, false),
        ("the session's own name", name("__Host-app"), Some("__Host-app"), true),
        ("the session's name by default", name(NAME), None, true),
    ] {
        let guard = CsrfGuard::double_submit(always(), &keyring, cookie, session);
        assert_eq!(guard.err().map(|error| error.option()), refused.then_some("name"), "{row}");
    }
    for (row, cookie, session, refused) in [
        ("no prefix", name("csrf").danger_insecure(), Some("app"), false),
        ("no prefix, and the session's own name", name("app").danger_insecure(), Some("app"), true),
    ] {
        let guard = CsrfGuard::danger_double_submit(always(), &keyring, cookie, session);
        assert_eq!(guard.err().map(|error| error.option()), refused.then_some("name"), "{row}");
    }
}

#[test]
fn at_most_four_token_cookies_are_tried() {
    let site = site();
    let mut browser = Browser::default();
    let token = text(browser.get(&site, "/token"));
    let good = browser.value(COOKIE).unwrap().to_owned();
    for (behind, expected) in [(0, 200), (3, 200), (4, 403), (10_000, 403)] {
        let mut pairs = vec![format!("{COOKIE}={good}")];
        pairs.extend(std::iter::repeat_n(format!("{COOKIE}=s1.x"), behind));
        let mut asked = post(&token);
        asked.headers_mut().insert(header::COOKIE, pairs.join("; ").parse().unwrap());
        assert_eq!(site.answer(asked).status(), expected, "{behind} others behind it");
    }
}
