//! The example over HTTP.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use cloakroom_smoke::{Browser, Program};

fn ask(browser: &mut Browser<'_>, query: &str) -> String {
    let answer = browser.post_json("/graphql", &[], &format!("{{\"query\": \"{query}\"}}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[test]
fn resolvers_share_the_session_of_the_request() {
    let program = Program::start(env!("CARGO_BIN_EXE_cloakroom-example-graphql"));
    let mut browser = Browser::new(&program);
    assert_eq!(ask(&mut browser, "{ me cart }"), r#"{"data":{"me":null,"cart":[]}}"#);
    assert!(browser.cookie.is_none(), "a query that only reads begins no session");

    let refused = ask(&mut browser, "{ orders }");
    assert!(refused.contains(r#""path":["orders"]"#) && !refused.contains("first order"), "{refused}");

    let both = "mutation { one: add(item: \\\"milk\\\") two: add(item: \\\"eggs\\\") }";
    assert_eq!(ask(&mut browser, both), r#"{"data":{"one":1,"two":2}}"#);
    let before = browser.cookie.clone().unwrap();
    ask(&mut browser, "mutation { signIn(name: \\\"ada\\\") }");
    assert_ne!(browser.cookie.as_ref(), Some(&before), "a sign-in changes the id");
    let everything = r#"{"data":{"me":"ada","cart":["milk","eggs"],"orders":["the first order of ada"]}}"#;
    assert_eq!(ask(&mut browser, "{ me cart orders }"), everything);
}

#[test]
fn requests_of_another_site_are_refused() {
    let program = Program::start(env!("CARGO_BIN_EXE_cloakroom-example-graphql"));
    let mut browser = Browser::new(&program);
    let headers = [("sec-fetch-site", "cross-site"), ("content-type", "application/json")];
    let body = r#"{"query": "mutation { signIn(name: \"ada\") }"}"#;
    assert_eq!(browser.send("POST", "/graphql", &headers, body.to_owned()).status, 403);
    assert!(browser.cookie.is_none());
}
