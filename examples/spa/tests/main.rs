//! The example over HTTP, with the requests of its script.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use cloakroom_smoke::{Browser, PlainResponse, Program};

/// Returns the token in the cookie that scripts may read.
fn token(response: &PlainResponse) -> String {
    let line = response.set_cookies().find(|line| line.starts_with("__Host-XSRF-TOKEN=")).unwrap();
    assert!(!line.contains("HttpOnly") && line.contains("SameSite=Strict"), "{line}");
    line.split(';').next().unwrap().split_once('=').unwrap().1.to_owned()
}

#[test]
fn a_script_sends_the_token_of_the_cookie() {
    let program = Program::start(env!("CARGO_BIN_EXE_cloakroom-example-spa"));
    let mut browser = Browser::new(&program);
    let page = browser.get("/");
    page.says("/__Host-XSRF-TOKEN=");
    let first = token(&page);
    assert_eq!(token(&browser.get("/todos")).len(), first.len());

    assert_eq!(browser.post_json("/todos", &[], "\"milk\"").status, 403, "without the token");
    assert_eq!(browser.post_json("/todos", &[("x-xsrf-token", "other")], "\"milk\"").status, 403);
    assert_eq!(browser.post_json("/todos", &[("x-xsrf-token", &first)], "\"milk\"").status, 201);
    browser.get("/todos").says("[\"milk\"]");

    // A sign-in changes the token; its response has the new one.
    let signed_in = browser.post_json("/sign-in", &[("x-xsrf-token", &first)], "\"ada\"");
    assert_eq!(signed_in.status, 200);
    let second = token(&signed_in);
    assert_eq!(browser.post_json("/todos", &[("x-xsrf-token", &first)], "\"eggs\"").status, 403);
    assert_eq!(browser.post_json("/todos", &[("x-xsrf-token", &second)], "\"eggs\"").status, 201);
    browser.get("/todos").says("[\"milk\",\"eggs\"]");
}
