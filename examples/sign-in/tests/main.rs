//! The example over HTTP.

use cloakroom_smoke::{Browser, Program};

fn program() -> Program {
    Program::start(env!("CARGO_BIN_EXE_cloakroom-example-sign-in"))
}

#[test]
fn a_sign_in_returns_to_the_page_that_needed_it() {
    let program = program();
    let mut browser = Browser::new(&program);
    let first = browser.get("/account/orders?page=2");
    assert_eq!(
        (first.status.as_u16(), first.header("location")),
        (303, "/sign-in?next=%2Faccount%2Forders%3Fpage%3D2")
    );
    let form = browser.get(first.header("location"));
    form.says("name=next value=\"/account/orders?page=2\"");
    let fields = |password| [("name", "ada"), ("password", password), ("next", "/account/orders?page=2")];
    let wrong = browser.post("/sign-in", &fields("babbage"));
    assert_eq!(wrong.header("location"), "/sign-in?next=%2Faccount%2Forders%3Fpage%3D2");
    browser.get(wrong.header("location")).says("Name or password is wrong.");
    let right = browser.post("/sign-in", &fields("lovelace"));
    assert_eq!(right.header("location"), "/account/orders?page=2");
    browser.get("/account/orders?page=2").says("The orders of ada.");
    // The sign-in is recent, so the password isn't asked for again.
    browser.get("/account/address").says("name=email");
    assert_eq!(browser.post("/account/address", &[("email", "ada@example.org")]).header("location"), "/");
    browser.get("/").says("Your address is ada@example.org.");
    let token = browser.get("/").token();
    assert_eq!(browser.post("/sign-out", &[("csrf_token", &token)]).status, 303);
    assert_eq!(browser.get("/account/orders").status, 303);
}

#[test]
fn a_sign_in_never_leads_to_another_site() {
    let program = program();
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"]
    {
        let mut browser = Browser::new(&program);
        let fields = [("name", "ada"), ("password", "lovelace"), ("next", next)];
        assert_eq!(browser.post("/sign-in", &fields).header("location"), "/", "{next:?}");
    }
}

#[test]
fn a_visitor_who_only_sees_the_form_is_not_stored() {
    let program = program();
    let mut browser = Browser::new(&program);
    browser.get("/sign-in").says("name=\"csrf_token\"");
    assert!(browser.cookie.is_some_and(|cookie| cookie.contains("=new.")));
}
