//! The example over HTTP, with an authenticator in software.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use cloakroom_smoke::{Browser, Program};
use serde_json::{Value, json};
use webauthn_authenticator_rs::WebauthnAuthenticator as _;
use webauthn_authenticator_rs::prelude::Url;
use webauthn_authenticator_rs::softpasskey::SoftPasskey;

fn send(browser: &mut Browser<'_>, path: &str, body: &Value) -> (u16, String) {
    let response = browser.post_json(path, &[], &body.to_string());
    (response.status.as_u16(), response.body)
}

fn begin<T: for<'de> serde::Deserialize<'de>>(browser: &mut Browser<'_>, path: &str, name: &str) -> T {
    let (status, body) = send(browser, path, &json!(name));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Registers a passkey for `ada`, who is signed in afterwards.
fn registered<'a>(program: &'a Program, origin: &Url) -> (Browser<'a>, SoftPasskey) {
    let (mut browser, mut passkey) = (Browser::new(program), SoftPasskey::new(true));
    let challenge = begin(&mut browser, "/registration/begin", "ada");
    let answer = passkey.do_registration(origin.clone(), challenge).unwrap();
    assert_eq!(send(&mut browser, "/registration/finish", &json!(answer)).0, 200);
    browser.get("/me").says("\"ada\"");
    (browser, passkey)
}

#[test]
fn a_passkey_signs_its_user_in_and_each_answer_works_once() {
    let program = Program::start(env!("CARGO_BIN_EXE_cloakroom-example-passkeys"));
    let origin = Url::parse(&program.url("")).unwrap();
    let (mut browser, mut passkey) = registered(&program, &origin);
    let first = browser.cookie.clone();
    assert_eq!(browser.post_json("/sign-out", &[], "null").status, 200);
    browser.get("/me").says("null");

    let challenge = begin(&mut browser, "/sign-in/begin", "ada");
    let answer = json!(passkey.do_authentication(origin.clone(), challenge).unwrap());
    let before = browser.cookie.clone();
    assert_eq!(send(&mut browser, "/sign-in/finish", &answer).0, 200);
    browser.get("/me").says("\"ada\"");
    assert!(browser.cookie != before && browser.cookie != first, "a sign-in changes the id");

    // A recorded answer, with the cookie from before and with the one from after.
    assert_eq!(send(&mut browser, "/sign-in/finish", &answer), (400, "Begin again.".to_owned()));
    browser.cookie = before;
    assert_eq!(send(&mut browser, "/sign-in/finish", &answer), (400, "Begin again.".to_owned()));

    // An answer to another challenge uses the ceremony up.
    let mut other = Browser::new(&program);
    let _: Value = begin(&mut other, "/sign-in/begin", "ada");
    assert_eq!(send(&mut other, "/sign-in/finish", &answer).0, 401);
    assert_eq!(send(&mut other, "/sign-in/finish", &answer).0, 400);
    other.get("/me").says("null");
}

#[test]
fn a_passkey_is_added_by_its_user_only() {
    let program = Program::start(env!("CARGO_BIN_EXE_cloakroom-example-passkeys"));
    let origin = Url::parse(&program.url("")).unwrap();
    let (mut ada, _) = registered(&program, &origin);

    let mut eve = Browser::new(&program);
    assert_eq!(send(&mut eve, "/registration/begin", &json!("ada")).0, 403);
    assert_eq!(send(&mut eve, "/sign-in/begin", &json!("nobody")).0, 401);

    let challenge = begin(&mut ada, "/registration/begin", "ada");
    let mut second = SoftPasskey::new(true);
    let answer = second.do_registration(origin.clone(), challenge).unwrap();
    assert_eq!(send(&mut ada, "/registration/finish", &json!(answer)).0, 200);

    // Two ceremonies for one new name: the name belongs to the first to finish.
    let mut both = [Browser::new(&program), Browser::new(&program)];
    let answers = both.each_mut().map(|browser| {
        let challenge = begin(browser, "/registration/begin", "grace");
        json!(SoftPasskey::new(true).do_registration(origin.clone(), challenge).unwrap())
    });
    let statuses = [0, 1].map(|it: usize| send(&mut both[it], "/registration/finish", &answers[it]).0);
    assert_eq!(statuses, [200, 409]);
}
