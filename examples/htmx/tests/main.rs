//! The example over HTTP, with the headers that htmx sends.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use cloakroom_smoke::{Browser, Program};

/// Returns the token in `hx-headers`.
fn token(page: &str) -> String {
    page.split_once("\"X-CSRF-Token\": \"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

#[test]
fn fragments_need_the_token_and_bring_messages_as_an_event() {
    let program = Program::start(env!("CARGO_BIN_EXE_cloakroom-example-htmx"));
    let mut browser = Browser::new(&program);
    let token = token(&browser.get("/").body);
    let htmx = [("hx-request", "true"), ("sec-fetch-site", "same-origin")];
    assert_eq!(browser.post_from("/count", &htmx, &[]).status, 403);
    let with_token = [&htmx[..], &[("x-csrf-token", token.as_str())]].concat();
    for count in ["1", "2"] {
        let fragment = browser.post_from("/count", &with_token, &[]);
        assert_eq!((fragment.status.as_u16(), fragment.body.as_str()), (200, count));
        assert_eq!(fragment.header("hx-trigger"), r#"{"messages":[{"level":"success","text":"Counted."}]}"#);
    }
    browser.get("/").says_nothing_of("Counted.");
    let reset = browser.post_from("/reset", &with_token, &[]);
    assert_eq!(reset.header("hx-redirect"), "/");
    assert!(!reset.headers.contains_key("hx-trigger"), "the message is for the next page");
    browser.get("/").says("<p role=status>Started again.</p><p id=count>0</p>");
}
