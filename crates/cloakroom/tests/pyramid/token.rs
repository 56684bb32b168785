//! 28 to 30, 55 to 75, 132: the CSRF token and its location.

use axum::Router;
use axum::routing::{any, get};
use cloakroom::for_axum::FormToken;
use cloakroom::{CookieConfig, CsrfGuard, CsrfLayer, CsrfToken, Keyring, SameSite, Session};

use crate::world::{NAME, Shop, World, always, key, ran, refused};

const COOKIE: &str = "__Host-Http-csrf";

fn in_cookies() -> CsrfLayer {
    let cookie = CookieConfig::default().name(COOKIE);
    CsrfLayer::from_guard(CsrfGuard::double_submit(always(), &Keyring::new(key()), cookie, Some(NAME)).unwrap())
}

pub(crate) fn new_token() {
    let mut world = World::signed().with_state();
    let mut token = None;
    world.visit(|session| {
        let new = session.new_csrf_token().unwrap();
        assert_eq!(session.csrf_token().unwrap(), new);
        assert_eq!(session.keys(), ["state"]);
        session.clear();
        token = Some(new);
    });
    world.visit(|session| assert_eq!(session.csrf_token().ok(), token));
}

pub(crate) fn stays() {
    let mut world = World::signed().with_state();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        assert!(world.visit(|session| tokens.push(session.csrf_token().unwrap())).is_empty());
    }
    assert_eq!(tokens[0], tokens[1]);
}

pub(crate) fn made() {
    let mut world = World::signed();
    let mut tokens = Vec::new();
    assert_eq!(world.visit(|session| tokens.push(session.csrf_token().unwrap())).len(), 1, "and kept");
    assert!(world.visit(|session| tokens.push(session.csrf_token().unwrap())).is_empty());
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(tokens[0].expose().len(), 43);
}

pub(crate) fn renewed() {
    let router = Router::new()
        .route("/", any(|| async { "ran" }))
        .route("/token", get(|token: FormToken| async move { token.to_string() }))
        .route(
            "/new",
            get(|session: Session| async move {
                let token = session.new_csrf_token().unwrap();
                assert_eq!(session.csrf_token().unwrap(), token);
                token.expose().to_owned()
            }),
        )
        .layer(CsrfLayer::new(always()));
    let mut shop = Shop::of(router);
    let (old, new) = (shop.token.clone(), shop.ask("GET /new", &[], "").1);
    assert_eq!(shop.post(&new), ran());
    assert_eq!(shop.post(&old).0, 403);
}

pub(crate) fn policy_of_sessions() {
    let router = Router::new()
        .route("/token", get(|token: FormToken| async move { token.to_string() }))
        .route("/raw", get(|it: Session| async move { it.csrf_token().unwrap().expose().to_owned() }))
        .route("/", any(|| async { "ran" }))
        .layer(CsrfLayer::new(always()));
    let mut shop = Shop::of(router);
    let (masked, raw) = (shop.token.clone(), shop.ask("GET /raw", &[], "").1);
    assert!(CsrfToken::from_text(raw.clone()).unwrap().matches(&masked), "a page shows the token of the session");
    assert_eq!(shop.post(&masked), ran());
    assert_eq!(shop.post(&raw), ran());
}

pub(crate) fn compared() {
    let token = CsrfToken::from_text("foo").unwrap();
    for (submitted, expected) in
        [("foo", true), ("bar", false), ("Foo", false), ("fo", false), ("foo ", false), ("", false)]
    {
        assert_eq!(token.matches(submitted), expected, "{submitted:?}");
    }
    assert!(!token.matches("\u{1F600}"));
    assert!(!CsrfToken::from_text("\\U0001f600").unwrap().matches("\u{1F600}"), "as Pyramid would have it");
    let mut shop = Shop::new(CsrfLayer::new(always()));
    assert_eq!(shop.post("\u{1F600}"), refused("token-mismatch"));
    let mut shop = Shop::new(in_cookies());
    assert_eq!(shop.post("\u{1F600}"), refused("token-mismatch"));
}

pub(crate) fn nothing_to_match() {
    let mut shop = Shop::new(CsrfLayer::new(always()));
    let token = shop.token.clone();
    assert_eq!(shop.post(&token), ran());
    assert_eq!(shop.post("bar"), refused("token-mismatch"));
    shop.cookies.clear();
    assert_eq!(shop.post(&token), refused("nothing-to-match"));
    assert!(shop.cookies.is_empty(), "a failed check makes no session, unlike Pyramid's");
}

pub(crate) fn policy_of_cookies() {
    let mut shop = Shop::new(in_cookies());
    assert_eq!(shop.cookies.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [COOKIE], "and no session");
    let (_, token, lines) = shop.ask_for_cookies("GET /token", &[], "");
    assert!(lines.is_empty(), "not sent again");
    assert_eq!(shop.post(&token), ran());
    let first = shop.token.clone();
    assert_eq!(shop.post(&first), ran());
}

pub(crate) fn cookie_attributes() {
    let mut shop = Shop::new(in_cookies());
    shop.cookies.clear();
    let (_, _, lines) = shop.ask_for_cookies("GET /token", &[], "");
    assert!(lines[0].starts_with("__Host-Http-csrf=s1."));
    assert!(lines[0].ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{lines:?}");
}

pub(crate) fn same_site() {
    let guard =
        |cookie: CookieConfig| CsrfGuard::danger_double_submit(always(), &Keyring::new(key()), cookie, Some(NAME));
    let none = CookieConfig::default().name("csrf").same_site(SameSite::None);
    assert_eq!(guard(none.clone().danger_insecure()).unwrap_err().option(), "same_site");
    let mut shop = Shop::new(CsrfLayer::from_guard(guard(none).unwrap()));
    shop.cookies.clear();
    assert!(shop.ask_for_cookies("GET /token", &[], "").2[0].ends_with("; SameSite=None"));
}

pub(crate) fn cookie_is_renewed_by_removal() {
    let mut shop = Shop::new(in_cookies());
    let (old, cookie) = (shop.token.clone(), shop.cookies.clone());
    shop.cookies.clear();
    let new = shop.ask("GET /token", &[], "").1;
    assert_ne!(shop.cookies, cookie);
    assert_eq!(shop.post(&new), ran());
    assert_eq!(shop.post(&old), refused("token-mismatch"));
}

pub(crate) fn one_token_per_request() {
    let mut shop = Shop::new(in_cookies());
    shop.cookies.clear();
    let (_, tokens, lines) = shop.ask_for_cookies("GET /tokens", &[], "");
    assert_eq!(lines.len(), 1);
    for token in tokens.split(' ') {
        assert_eq!(shop.post(token), ran());
    }
}

pub(crate) fn unsigned_cookie() {
    let mut shop = Shop::new(in_cookies());
    let good = shop.token.clone();
    for (name, cookies, token, expected) in [
        ("none", vec![], good.as_str(), refused("nothing-to-match")),
        ("the visitor's own", shop.cookies.clone(), good.as_str(), ran()),
        ("and another token", shop.cookies.clone(), "bar", refused("token-mismatch")),
        ("not signed", vec![(COOKIE.to_owned(), "foo".to_owned())], "foo", refused("nothing-to-match")),
    ] {
        shop.cookies = cookies;
        assert_eq!(shop.post(token), expected, "{name}");
    }
}

pub(crate) fn never_empty() {
    assert!(CsrfToken::from_text("").is_none());
    let mut shop = Shop::new(CsrfLayer::new(always()));
    assert_eq!(shop.post(""), refused("token-missing"));
}
