//! The scenarios that every example must pass.

use crate::{Browser, Program};

const HELLO: &str = "Hello, Ada.";
const NOBODY: &str = "Nobody is signed in.";
const WELCOME: &str = "Welcome, Ada.";

/// A visitor arrives, signs in and signs out.
pub fn sign_in_and_out(program: &Program) {
    let mut browser = Browser::new(program);
    let page = browser.get("/");
    page.says(NOBODY);
    let answer = browser.post("/sign-in", &[("csrf_token", &page.token()), ("name", "Ada")]);
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"), "{}", answer.body);
    let page = browser.get("/");
    page.says(HELLO);
    let answer = browser.post("/sign-out", &[("csrf_token", &page.token())]);
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"), "{}", answer.body);
    assert_eq!(browser.cookie, None, "the cookie is removed");
    browser.get("/").says(NOBODY);
}

/// A flash message is on the next page, but not on the one after.
pub fn flash_is_shown_once(program: &Program) {
    let mut browser = Browser::new(program);
    let token = browser.get("/").token();
    browser.post("/sign-in", &[("csrf_token", &token), ("name", "Ada")]);
    browser.get("/").says(WELCOME);
    browser.get("/").says_nothing_of(WELCOME);
}

/// A form forged by another site is refused and has no effect.
pub fn forged_form_is_refused(program: &Program) {
    let mut browser = Browser::signed_in(program);
    let token = browser.get("/").token();
    let (cookie, wrong) = (browser.cookie.clone(), "A".repeat(token.len()));
    let ours = ("sec-fetch-site", "same-origin");
    let foreign = ("origin", "https://evil.example");
    let table: &[(&str, &[_], &[_])] = &[
        ("another site", &[("sec-fetch-site", "cross-site")], &[("csrf_token", token.as_str())]),
        ("a sibling", &[("sec-fetch-site", "same-site")], &[("csrf_token", &token)]),
        ("an old browser, another origin", &[foreign], &[("csrf_token", &token)]),
        ("nothing about where it comes from", &[], &[("csrf_token", &token)]),
        ("no token", &[ours], &[]),
        ("an empty token", &[ours], &[("csrf_token", "")]),
        ("a wrong token", &[ours], &[("csrf_token", &wrong)]),
        ("the token elsewhere", &[ours], &[("token", &token)]),
    ];
    for (row, headers, fields) in table {
        for path in ["/sign-out", "/sign-in"] {
            let answer = browser.post_from(path, headers, &[fields, &[("name", "Eve")][..]].concat());
            assert_eq!(answer.status, 403, "{row}: {}", answer.body);
            assert!(answer.body.starts_with("CSRF check failed: "), "{row}: {}", answer.body);
            assert_eq!(browser.cookie, cookie, "{row}");
        }
        browser.get("/").says(HELLO);
    }
    // A token in the query doesn't count.
    assert_eq!(browser.post(&format!("/sign-out?csrf_token={token}"), &[]).status, 403);
    browser.get("/").says(HELLO);
    assert_eq!(browser.post("/sign-out", &[("csrf_token", &token)]).status, 303, "the genuine form is accepted");
}

/// A form without a session is refused and creates none.
pub fn form_without_a_session_is_refused(program: &Program) {
    let stranger = Browser::new(program).get("/").token();
    let mut browser = Browser::new(program);
    let answer = browser.post("/sign-in", &[("csrf_token", &stranger), ("name", "Ada")]);
    assert_eq!((answer.status.as_u16(), browser.cookie), (403, None), "{}", answer.body);
}

/// A copy of the cookie is useless after a sign-out.
pub fn sign_out_is_final(program: &Program) {
    let mut browser = Browser::signed_in(program);
    let copy = browser.cookie.clone();
    let token = browser.get("/").token();
    assert_eq!(browser.post("/sign-out", &[("csrf_token", &token)]).status, 303);
    let mut thief = Browser::new(program);
    thief.cookie.clone_from(&copy);
    thief.get("/").says(NOBODY);
    assert_ne!(thief.cookie, copy, "the id of an ended session must not be adopted");
}

/// An id from before the sign-in is useless afterwards.
pub fn new_id_at_sign_in(program: &Program) {
    let mut browser = Browser::new(program);
    let token = browser.get("/").token();
    let planted = browser.cookie.clone();
    assert!(planted.is_some());
    browser.post("/sign-in", &[("csrf_token", &token), ("name", "Ada")]);
    assert_ne!(browser.cookie, planted);
    browser.get("/").says(HELLO);
    let mut attacker = Browser::new(program);
    attacker.cookie = planted;
    attacker.get("/").says(NOBODY);
}

/// A request that doesn't use the session gets no cookie.
pub fn untouched_request_has_no_cookie(program: &Program) {
    for mut browser in [Browser::new(program), Browser::signed_in(program)] {
        let answer = browser.get("/about");
        answer.says("leave your things");
        for name in ["set-cookie", "vary", "cache-control"] {
            assert!(!answer.headers.contains_key(name), "{name} in {:?}", answer.headers);
        }
    }
}

/// Attributes of the session cookie, and caching headers.
pub fn headers_of_a_session(program: &Program) {
    let mut browser = Browser::new(program);
    let answer = browser.get("/");
    let cookie = answer.header("set-cookie");
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert!(value.starts_with("__Host-Http-session="), "{value}");
    let mut attributes: Vec<_> = attributes.split("; ").collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    assert!(answer.header("cache-control").contains("no-store"));
    assert!(answer.header("vary").eq_ignore_ascii_case("cookie"));
    // A page that only reads varies by cookie, but sets none.
    let answer = browser.get("/");
    assert_eq!(answer.set_cookies().count(), 0);
    assert!(answer.header("vary").eq_ignore_ascii_case("cookie"));
}

/// A body that was searched for the token arrives complete.
pub fn large_form_arrives_whole(program: &Program) {
    let mut browser = Browser::new(program);
    let token = browser.get("/").token();
    let padding = "x".repeat(20_000);
    let fields = [("csrf_token", token.as_str()), ("padding", &padding), ("name", "Ada")];
    assert_eq!(browser.post("/sign-in", &fields).status, 303);
    browser.get("/").says(HELLO);
}

/// A multipart form is checked like any other form.
pub fn uploaded_form_is_checked(program: &Program) {
    let mut browser = Browser::signed_in(program);
    let token = browser.get("/").token();
    let wrong = "A".repeat(token.len());
    assert_eq!(browser.upload("/sign-out", &[("csrf_token", &wrong), ("file", "x")]).status, 403);
    browser.get("/").says(HELLO);
    assert_eq!(browser.upload("/sign-out", &[("csrf_token", &token), ("file", "x")]).status, 303);
    browser.get("/").says(NOBODY);
}

/// Changes of a handler that fails are committed: the default policy, as in Pyramid.
pub fn error_responses_commit(program: &Program) {
    for mut browser in [Browser::new(program), Browser::signed_in(program)] {
        assert_eq!(browser.get("/broken").status, 500);
        browser.get("/").says("Something broke.");
    }
}

/// An unknown page creates no session.
pub fn unknown_page_has_no_cookie(program: &Program) {
    let mut browser = Browser::new(program);
    let answer = browser.get("/nowhere");
    assert_eq!((answer.status.as_u16(), answer.set_cookies().count()), (404, 0));
}
