//! The example over HTTP, with a provider in this process.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

mod provider;

use cloakroom_smoke::{Browser, PlainResponse, Program};
use serde_json::{Value, json};

use provider::{CLIENT, OURS, Provider, SECRET, kid, signed};

const NOBODY: &str = "Nobody is signed in.";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn program(provider: &Provider) -> Program {
    let variables = [("OPENID_ISSUER", provider.url()), ("OPENID_CLIENT_ID", CLIENT), ("OPENID_CLIENT_SECRET", SECRET)];
    Program::start_with(env!("CARGO_BIN_EXE_cloakroom-example-openid"), &variables)
}

/// Begins a sign-in and returns the address of the provider's page.
fn begin(browser: &mut Browser<'_>, next: &str) -> String {
    let answer = browser.post("/sign-in", &[("next", next)]);
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").to_owned()
}

fn ada() -> Value {
    json!({ "sub": "ada" })
}

fn signed_in<'a>(program: &'a Program, provider: &Provider) -> Browser<'a> {
    signed_in_as(program, provider, &ada())
}

fn signed_in_as<'a>(program: &'a Program, provider: &Provider, user: &Value) -> Browser<'a> {
    let mut browser = Browser::new(program);
    let callback = provider.authorize(&begin(&mut browser, "/"), user);
    assert_eq!(browser.get(&callback).status, 303);
    browser
}

#[track_caller]
fn refuses(answer: &PlainResponse, reason: &str) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.starts_with("Refused: ") && answer.body.contains(reason), "{}", answer.body);
}

#[test]
fn a_user_signs_in_at_the_provider_and_comes_back() {
    let provider = Provider::start();
    let program = program(&provider);
    let mut browser = Browser::new(&program);
    browser.get("/sign-in?next=/orders%3Fpage=2").says("name=next value=\"/orders?page=2\"");
    let page = begin(&mut browser, "/orders?page=2");
    let before = browser.cookie.clone();
    let answer = browser.get(&provider.authorize(&page, &ada()));
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/orders?page=2"), "{}", answer.body);
    assert_ne!(browser.cookie, before, "a new id at the sign-in");
    let page = browser.get("/");
    page.says("Hello, ada.");
    assert_eq!(browser.post("/sign-out", &[("csrf_token", &page.token())]).status, 303);
    browser.get("/").says(NOBODY);
}

#[test]
fn a_new_key_of_the_provider_is_read_when_a_token_needs_it() {
    let provider = Provider::start();
    let program = program(&provider);
    signed_in(&program, &provider).get("/").says("Hello, ada.");
    provider.rotate();
    signed_in(&program, &provider).get("/").says("Hello, ada.");
}

#[test]
fn two_tabs_sign_in_at_once() {
    let provider = Provider::start();
    let program = program(&provider);
    let mut browser = Browser::new(&program);
    let [first, second] = ["/first", "/second"].map(|next| begin(&mut browser, next));
    let [first, second] = [first, second].map(|page| provider.authorize(&page, &ada()));
    for (callback, next) in [(second, "/second"), (first, "/first")] {
        let answer = browser.get(&callback);
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, next));
        browser.get("/").says("Hello, ada.");
    }
}

#[test]
fn a_state_works_once_and_only_in_its_own_browser() {
    let provider = Provider::start();
    let program = program(&provider);
    let mut browser = Browser::new(&program);
    let mut victim = Browser::new(&program);
    let callback = provider.authorize(&begin(&mut browser, "/"), &ada());
    begin(&mut victim, "/");
    // An attacker sends a link that would sign the victim in as the attacker.
    refuses(&victim.get(&callback), "this browser began no such sign-in");
    victim.get("/").says(NOBODY);
    assert_eq!(browser.get(&callback).status, 303);
    refuses(&browser.get(&callback), "has finished it");
    let token = browser.get("/").token();
    browser.post("/sign-out", &[("csrf_token", &token)]);
    refuses(&browser.get(&callback), "has finished it");
    browser.get("/").says(NOBODY);

    let mut stranger = Browser::new(&program);
    let answer = stranger.get("/callback?code=code0&state=invented");
    refuses(&answer, "this browser began no such sign-in");
    assert_eq!(stranger.cookie, None, "an invented state creates no session");
}

/// Returns the callback, for the page of the browser and the page of another browser.
type Callback = fn(&Provider, &str, &str) -> String;

#[test]
fn a_sign_in_that_fails_signs_nobody_in_and_is_used_up() {
    let provider = Provider::start();
    let program = program(&provider);
    let table: &[(&str, Callback, &str)] = &[
        (
            "wrong nonce",
            |provider, page, _| provider.authorize(page, &json!({ "sub": "ada", "nonce": "other" })),
            "Invalid nonce",
        ),
        (
            "the code of another browser, which has another PKCE secret",
            |provider, page, eve| {
                let (ours, theirs) = (provider.authorize(page, &ada()), provider.authorize(eve, &ada()));
                let code = theirs.split_once('&').unwrap().0;
                format!("{code}&{}", ours.split_once('&').unwrap().1)
            },
            "invalid_grant",
        ),
        (
            "another audience",
            |provider, page, _| provider.authorize(page, &json!({ "sub": "ada", "aud": "other" })),
            "Invalid audiences",
        ),
        ("expired", |provider, page, _| provider.authorize(page, &json!({ "sub": "ada", "exp": 1 })), "Expired"),
        (
            "the provider's session has ended",
            |provider, page, _| provider.authorize(page, &json!({ "sub": "ada", "session_expiry": 1 })),
            "the session at the provider has ended",
        ),
        (
            "the user said no",
            |provider, page, _| provider.authorize(page, &ada()).replace("code=code", "error=access_denied&x="),
            "access_denied",
        ),
        ("no code", |provider, page, _| provider.authorize(page, &ada()).replace("code=", "x="), "no code"),
    ];
    for (row, callback, reason) in table {
        let (mut browser, mut eve) = (Browser::new(&program), Browser::new(&program));
        let callback = callback(&provider, &begin(&mut browser, "/"), &begin(&mut eve, "/"));
        println!("{row}");
        refuses(&browser.get(&callback), reason);
        browser.get("/").says(NOBODY);
        refuses(&browser.get(&callback), "this browser began no such sign-in");
    }
}

#[test]
fn a_sign_in_never_leads_to_another_site() {
    let provider = Provider::start();
    let program = program(&provider);
    for next in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let mut browser = Browser::new(&program);
        let callback = provider.authorize(&begin(&mut browser, next), &ada());
        assert_eq!(browser.get(&callback).header("location"), "/", "{next:?}");
    }
}

#[test]
fn a_link_on_another_site_begins_no_sign_in() {
    let provider = Provider::start();
    let program = program(&provider);
    let mut browser = Browser::new(&program);
    assert_eq!(browser.get("/sign-in").status, 200);
    assert_eq!(browser.post_from("/sign-in", &[("sec-fetch-site", "cross-site")], &[]).status, 403);
}

#[test]
fn a_posted_callback_is_redirected_so_that_the_browser_sends_the_cookie() {
    let provider = Provider::start();
    let program = program(&provider);
    let mut browser = Browser::new(&program);
    let callback = provider.authorize(&begin(&mut browser, "/orders"), &ada());
    let fields: Vec<_> =
        callback.split_once('?').unwrap().1.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    // A browser sends no Lax cookie with a form of another site.
    let cookie = browser.cookie.take();
    let answer = browser.post_from("/callback", &[("sec-fetch-site", "cross-site")], &fields);
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, callback.as_str()), "{}", answer.body);
    assert_eq!(browser.cookie, None, "the session of the browser isn't replaced");
    browser.cookie = cookie;
    assert_eq!(browser.get(answer.header("location")).header("location"), "/orders");
    browser.get("/").says("Hello, ada.");
}

/// Sends a logout token as the provider does: without cookies, and without headers of a browser.
fn log_out(program: &Program, token: &str) -> PlainResponse {
    Browser::new(program).post_from("/backchannel-logout", &[], &[("logout_token", token)])
}

#[test]
fn the_provider_ends_all_sessions_of_a_user_at_once() {
    let provider = Provider::start();
    let program = program(&provider);
    let mut claims = provider.claims();
    claims
        .as_object_mut()
        .unwrap()
        .extend(json!({ "sub": "ada", "jti": "1", "events": { EVENT: {} } }).as_object().unwrap().clone());
    let header = json!({ "alg": "EdDSA", "kid": kid(OURS), "typ": "logout+jwt" });
    let mut browsers = [signed_in(&program, &provider), signed_in(&program, &provider)];
    let mut other = Browser::new(&program);
    let callback = provider.authorize(&begin(&mut other, "/"), &json!({ "sub": "grace" }));
    other.get(&callback);

    let with = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        signed(OURS, &header, &changed)
    };
    let without = |name: &str| {
        let mut changed = claims.clone();
        changed.as_object_mut().unwrap().remove(name);
        signed(OURS, &header, &changed)
    };
    let unsigned = json!({ "alg": "none", "typ": "logout+jwt" });
    let (old, early) = (claims["iat"].as_u64().unwrap() - 400, claims["iat"].as_u64().unwrap() + 400);
    for (row, token, reason) in [
        ("not a token", "not a token".to_owned(), ""),
        ("the key of another provider", signed(2, &header, &claims), "Signature verification failed"),
        ("an invented key", signed(2, &json!({ "alg": "EdDSA", "kid": kid(2) }), &claims), "No matching key"),
        ("no signature", signed(OURS, &unsigned, &claims), "Signature verification failed"),
        ("another type", signed(OURS, &json!({ "alg": "EdDSA", "typ": "at+jwt" }), &claims), "type"),
        ("another issuer", with("iss", json!("https://evil.example")), "Invalid issuer"),
        ("another audience", with("aud", json!("other")), "Invalid audiences"),
        ("too old", with("iat", json!(old)), "last five minutes"),
        ("of the future", with("iat", json!(early)), "last five minutes"),
        ("expired", with("exp", json!(old)), "Expired"),
        ("with a nonce", with("nonce", json!("n")), "has no nonce"),
        ("another event", with("events", json!({ "other": {} })), "isn't about a logout"),
        ("no event", without("events"), "events"),
        ("no id", without("jti"), "jti"),
        ("neither a user nor a session", without("sub"), "neither sub nor sid"),
    ] {
        println!("{row}");
        refuses(&log_out(&program, &token), reason);
        browsers.iter_mut().for_each(|browser| browser.get("/").says("Hello, ada."));
    }

    let token = signed(OURS, &header, &claims);
    let answer = log_out(&program, &token);
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{}", answer.body);
    assert_eq!(answer.set_cookies().count(), 0);
    browsers.iter_mut().for_each(|browser| browser.get("/").says(NOBODY));
    other.get("/").says("Hello, grace.");

    let mut again = signed_in(&program, &provider);
    refuses(&log_out(&program, &token), "has been used");
    again.get("/").says("Hello, ada.");
}

#[test]
fn the_provider_ends_one_session_by_its_own_name() {
    let provider = Provider::start();
    let program = program(&provider);
    let sid = |sub: &str, sid: &str| signed_in_as(&program, &provider, &json!({ "sub": sub, "sid": sid }));
    let (mut first, mut second, mut other) = (sid("ada", "sid-1"), sid("ada", "sid-2"), sid("grace", "sid-3"));
    let header = json!({ "alg": "EdDSA", "kid": kid(OURS), "typ": "logout+jwt" });
    let token = |claims: Value| {
        let mut all = provider.claims();
        all["events"] = json!({ EVENT: {} });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        signed(OURS, &header, &all)
    };
    for (row, claims, reason) in [
        ("another issuer", json!({ "jti": "a", "sid": "sid-1", "iss": "https://evil.example" }), "Invalid issuer"),
        ("an empty sid, and no user", json!({ "jti": "b", "sid": "" }), "neither sub nor sid"),
        ("a sid that isn't a text", json!({ "jti": "c", "sid": 1 }), "invalid type"),
    ] {
        println!("{row}");
        refuses(&log_out(&program, &token(claims)), reason);
    }
    // An unknown session has ended, or begins later: both are a success.
    assert_eq!(log_out(&program, &token(json!({ "jti": "d", "sid": "sid-9" }))).status, 200);
    for browser in [&mut first, &mut second] {
        browser.get("/").says("Hello, ada.");
    }
    assert_eq!(log_out(&program, &token(json!({ "jti": "e", "sid": "sid-1" }))).status, 200);
    first.get("/").says(NOBODY);
    second.get("/").says("Hello, ada.");
    // With the subject, it is still this one session.
    let third = json!({ "jti": "f", "sid": "sid-3", "sub": "grace" });
    other.get("/").says("Hello, grace.");
    assert_eq!(log_out(&program, &token(third)).status, 200);
    other.get("/").says(NOBODY);
    second.get("/").says("Hello, ada.");
}

/// The logout and the callback may cross each other.
#[test]
fn a_logout_before_its_sign_in_is_finished_signs_nobody_in() {
    let provider = Provider::start();
    let program = program(&provider);
    let mut browser = Browser::new(&program);
    let callback = provider.authorize(&begin(&mut browser, "/"), &json!({ "sub": "ada", "sid": "sid-1" }));
    let mut claims = provider.claims();
    let order = json!({ "jti": "1", "sid": "sid-1", "events": { EVENT: {} } });
    claims.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
    let header = json!({ "alg": "EdDSA", "kid": kid(OURS), "typ": "logout+jwt" });
    assert_eq!(log_out(&program, &signed(OURS, &header, &claims)).status, 200);
    assert_eq!(browser.get(&callback).status, 303);
    browser.get("/").says(NOBODY);
}

#[test]
fn a_session_at_the_provider_belongs_to_one_user() {
    let provider = Provider::start();
    let program = program(&provider);
    let mut adas = signed_in_as(&program, &provider, &json!({ "sub": "ada", "sid": "sid-1" }));
    let mut eve = Browser::new(&program);
    let callback = provider.authorize(&begin(&mut eve, "/"), &json!({ "sub": "eve", "sid": "sid-1" }));
    assert_eq!(eve.get(&callback).status, 409);
    eve.get("/").says(NOBODY);
    adas.get("/").says("Hello, ada.");
}
