//! The example over HTTP: the scenarios of browsers, and those of programs.
#![allow(clippy::unwrap_used, reason = "tests")]

use cloakroom_smoke::{Browser, PlainResponse, Program};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

cloakroom_smoke::scenarios!(
    env!("CARGO_BIN_EXE_cloakroom-example-header-sessions"),
    sign_in_and_out,
    flash_is_shown_once,
    forged_form_is_refused,
    sign_out_is_final,
    new_id_at_sign_in
);

/// A program: it keeps the id that it received last.
struct App<'a> {
    client: Browser<'a>,
    id: String,
}

impl<'a> App<'a> {
    fn new(program: &'a Program) -> Self {
        Self { client: Browser::new(program), id: "new".to_owned() }
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> PlainResponse {
        let bearer = format!("Bearer {}", self.id);
        let answer = self.client.send(method, path, &[("authorization", &bearer), FORM], body.to_owned());
        if let Some(id) = answer.headers.get("session-id") {
            id.to_str().unwrap().clone_into(&mut self.id);
        }
        assert_eq!(answer.set_cookies().count(), 0, "a program gets no cookie");
        answer
    }
}

fn program() -> Program {
    Program::start(env!("CARGO_BIN_EXE_cloakroom-example-header-sessions"))
}

#[test]
fn a_program_signs_in_and_out_without_cookies_and_csrf_tokens() {
    let program = program();
    let mut app = App::new(&program);
    assert_eq!(app.send("GET", "/me", "").status, 401);
    assert_eq!(app.id, "new", "nothing was stored");
    let signed_in = app.send("POST", "/sign-in", "name=Ada");
    assert_eq!(signed_in.status, 303);
    assert_eq!(signed_in.header("cache-control"), "private, no-store");
    let me = app.send("GET", "/me", "");
    assert_eq!(me.body, "Ada");
    let varies: Vec<_> = me.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(varies, ["cookie", "authorization"]);
    let old = app.id.clone();
    app.send("POST", "/sign-in", "name=Ada");
    assert_ne!(app.id, old, "a new id at sign-in");
    let id = app.id.clone();
    app.send("POST", "/sign-out", "");
    assert_eq!(app.id, "", "an empty header: the session has ended");
    app.id = id;
    assert_eq!(app.send("GET", "/me", "").status, 401, "final");
}

#[test]
fn the_header_counts_and_not_the_cookie() {
    let program = program();
    let mut browser = Browser::signed_in(&program);
    assert_eq!(browser.send("GET", "/me", &[], String::new()).body, "Ada");
    for id in ["new", "invented", ""] {
        let bearer = format!("Bearer {id}");
        let answer = browser.send("GET", "/me", &[("authorization", &bearer)], String::new());
        assert_eq!(answer.status, 401, "{id}: the cookie isn't read");
    }
    let basic = browser.send("GET", "/me", &[("authorization", "Basic YTpi")], String::new());
    assert_eq!(basic.body, "Ada", "another scheme doesn't name a session");
}

#[test]
fn a_page_of_another_site_has_only_the_cookie() {
    let program = program();
    let mut browser = Browser::signed_in(&program);
    let foreign = ("sec-fetch-site", "cross-site");
    assert_eq!(browser.post_from("/sign-out", &[foreign], &[]).status, 403);
    assert_eq!(browser.send("GET", "/me", &[], String::new()).body, "Ada");
    // A request without our header isn't excused by another one.
    let basic = [foreign, ("authorization", "Basic YTpi"), FORM];
    assert_eq!(browser.send("POST", "/sign-out", &basic, String::new()).status, 403);
}
