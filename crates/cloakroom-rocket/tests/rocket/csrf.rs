//! The CSRF fairing.

use cloakroom_rocket::CsrfFairing;
use cloakroom_session::adapter::FormToken;
use cloakroom_session::{CsrfRules, Error, Session};
use rocket::data::ToByteUnit as _;
use rocket::http::{Method, Status};
use rocket::local::blocking::Client;
use rocket::request::{FromRequest, Outcome};
use rocket::{Build, Data, Request, Rocket, async_trait, get, post, put, routes};

use crate::site::{Browser, FORM, OURS, always, always_with, sessions, silent};

#[get("/")]
async fn token(session: Session) -> Result<String, Error> {
    session.masked_csrf_token()
}

#[post("/echo", data = "<data>")]
async fn echo(data: Data<'_>) -> std::io::Result<String> {
    Ok(data.open(1.mebibytes()).into_string().await?.into_inner())
}

#[post("/write")]
async fn write(session: Session) -> Result<(), Error> {
    session.insert("written", true)
}

#[get("/written")]
async fn written(session: Session) -> String {
    session.contains_key("written").to_string()
}

#[put("/form")]
async fn overridden() -> &'static str {
    "put"
}

#[post("/webhook")]
async fn webhook() -> &'static str {
    "called"
}

fn app(rules: CsrfRules) -> Rocket<Build> {
    let csrf = CsrfFairing::new(rules);
    silent()
        .attach(sessions())
        .mount("/", csrf.protect(routes![token, echo, write, written, overridden]))
        .mount("/", csrf.exempt(routes![webhook]))
        .attach(csrf)
}

fn visitor(rules: CsrfRules) -> (Browser, String) {
    let mut browser = Browser::new(app(rules));
    let token = browser.get("/").into_string().unwrap();
    (browser, token)
}

#[test]
fn a_searched_body_arrives_complete() {
    let (mut browser, token) = visitor(always());
    let (long, field) = ("x".repeat(100_000), format!("csrf_token={token}"));
    let padding = |length: usize| format!("a={}", "x".repeat(length));
    // Room for the padding, an ampersand, the field and another ampersand.
    let most = 512 - "a=&&".len() - field.len();
    let table = [
        ("alone", field.clone(), Status::Ok),
        ("first in a long form", format!("{field}&a={long}"), Status::Ok),
        ("last in a short one", format!("a=b&{field}"), Status::Ok),
        ("just within the visible bytes", format!("{}&{field}&b={long}", padding(most)), Status::Ok),
        ("just beyond", format!("{}&{field}&b={long}", padding(most + 1)), Status::PayloadTooLarge),
        ("last in a long form", format!("a={long}&{field}"), Status::PayloadTooLarge),
        ("absent from a long form", format!("a={long}"), Status::PayloadTooLarge),
        ("absent from a short one", "a=b".to_owned(), Status::Forbidden),
    ];
    for (row, body, status) in table {
        let response = browser.post("/echo", &[OURS, FORM], &body);
        assert_eq!(response.status(), status, "{row}");
        let said = response.into_string().unwrap();
        if status == Status::Ok {
            assert!(said == body, "{row}: the body differs from the one sent");
        } else {
            assert!(said.starts_with("CSRF check failed: "), "{row}: {said}");
        }
    }
}

#[test]
fn token_in_header_or_form() {
    let (mut browser, token) = visitor(always());
    let in_header = ("x-csrf-token", token.as_str());
    let (wrong, json) = (("x-csrf-token", "AAAA"), ("content-type", "application/json"));
    let form = format!("csrf_token={token}");
    let table: &[(&str, &[_], &str, Status)] = &[
        ("in the header", &[OURS, json, in_header], "{}", Status::Ok),
        ("in the header, and the form is long", &[OURS, FORM, in_header], &"x".repeat(1000), Status::Ok),
        ("a wrong token in the header, the right one in the form", &[OURS, FORM, wrong], &form, Status::Forbidden),
        ("in a body that isn't a form", &[OURS, json], &form, Status::Forbidden),
        ("from another site", &[("sec-fetch-site", "cross-site"), in_header], "", Status::Forbidden),
        ("our own origin", &[("origin", "https://hats.example"), in_header], "", Status::Ok),
        ("another origin", &[("origin", "https://evil.example"), in_header], "", Status::Forbidden),
        ("two Sec-Fetch-Site headers", &[OURS, OURS, in_header], "", Status::Forbidden),
        ("nothing says where it comes from", &[in_header], "", Status::Forbidden),
    ];
    for (row, headers, body, status) in table {
        assert_eq!(browser.post("/echo", headers, body).status(), *status, "{row}");
    }
}

#[test]
fn a_refused_request_writes_nothing_and_creates_no_session() {
    let (mut browser, _) = visitor(always());
    assert_eq!(browser.post("/write", &[OURS], "").status(), Status::Forbidden);
    assert_eq!(browser.get("/written").into_string().unwrap(), "false");
    let mut stranger = Browser::new(app(always()));
    let response = stranger.post("/write", &[OURS], "");
    assert_eq!((response.status(), response.headers().get_one("set-cookie")), (Status::Forbidden, None));
}

#[test]
fn a_method_override_in_the_form_is_checked() {
    let (mut browser, token) = visitor(always());
    let form = "_method=put";
    assert_eq!(browser.post("/form", &[OURS, FORM], form).status(), Status::Forbidden);
    let form = format!("_method=put&csrf_token={token}");
    assert_eq!(browser.post("/form", &[OURS, FORM], &form).into_string().unwrap(), "put");
}

#[test]
fn an_exempt_route_is_not_checked() {
    let mut browser = Browser::new(app(always()));
    assert_eq!(browser.post("/webhook", &[], "").into_string().unwrap(), "called");
}

#[test]
fn report_only_refuses_nothing() {
    let (mut browser, _) = visitor(always_with(|it| it.danger_report_only()));
    assert_eq!(browser.post("/write", &[], "").status(), Status::Ok);
    assert_eq!(browser.get("/written").into_string().unwrap(), "true");
}

type Site = fn(CsrfFairing) -> Rocket<Build>;

#[test]
fn a_route_without_a_check_prevents_the_launch() {
    let launches = |build: Site| {
        let client = Client::untracked(build(CsrfFairing::new(always())));
        // Rocket panics if the launch error is dropped without being read.
        client.map_err(|error| error.to_string()).is_ok()
    };
    let table: [(&str, Site, bool); 5] = [
        ("an unsafe method", |csrf| silent().mount("/", routes![webhook]).attach(csrf), false),
        ("mounted after it", |csrf| silent().attach(csrf).mount("/", routes![webhook]), false),
        ("a safe method", |csrf| silent().mount("/", routes![written]).attach(csrf), true),
        ("checked", |csrf| silent().mount("/", csrf.protect(routes![webhook])).attach(csrf), true),
        ("exempt", |csrf| silent().mount("/", csrf.exempt(routes![webhook])).attach(csrf), true),
    ];
    for (row, build, expected) in table {
        assert_eq!(launches(build), expected, "{row}");
    }
}

#[test]
fn without_sessions_every_request_is_refused() {
    let csrf = CsrfFairing::new(always());
    let client = Client::untracked(silent().mount("/", csrf.protect(routes![webhook]))).unwrap();
    let request = client.req(Method::Post, "/webhook").header(rocket::http::Header::new(OURS.0, OURS.1));
    assert_eq!(request.dispatch().status(), Status::InternalServerError);
}

/// A guard that forwards every request to the next route.
struct Elsewhere;

#[async_trait]
impl<'r> FromRequest<'r> for Elsewhere {
    type Error = Error;

    async fn from_request(_: &'r Request<'_>) -> Outcome<Self, Error> {
        Outcome::Forward(Status::NotFound)
    }
}

/// Exempt, so the token is not available.
#[post("/twice", rank = 1)]
async fn passes_on(_token: Result<FormToken, Error>, _elsewhere: Elsewhere) -> &'static str {
    "unchecked"
}

#[post("/twice", rank = 2)]
async fn checked() -> &'static str {
    "checked"
}

#[test]
fn a_request_forwarded_by_another_route_is_checked() {
    let csrf = CsrfFairing::new(always());
    let routes = silent()
        .attach(sessions())
        .mount("/", csrf.exempt(routes![passes_on]))
        .mount("/", csrf.protect(routes![token, checked]));
    let mut browser = Browser::new(routes.attach(csrf));
    let token = browser.get("/").into_string().unwrap();
    assert_eq!(browser.post("/twice", &[OURS], "").status(), Status::Forbidden);
    let response = browser.post("/twice", &[OURS, ("x-csrf-token", &token)], "");
    assert_eq!(response.into_string().unwrap(), "checked");
}

#[get("/page")]
async fn page(token: FormToken) -> String {
    token.to_string()
}

#[get("/bare")]
async fn bare(token: FormToken) -> String {
    token.to_string()
}

#[test]
fn a_protected_route_has_a_token_for_its_forms() {
    let csrf = CsrfFairing::new(always());
    let routes = silent()
        .attach(sessions())
        .mount("/", csrf.protect(routes![page, echo]))
        .mount("/", csrf.exempt(routes![bare]));
    let mut browser = Browser::new(routes.attach(csrf));
    let token = browser.get("/page").into_string().unwrap();
    assert_eq!(browser.post("/echo", &[OURS, FORM], &format!("csrf_token={token}")).status(), Status::Ok);
    assert_eq!(browser.get("/bare").status(), Status::InternalServerError, "an unprotected route has no token");
}

/// Requests the token where it isn't available, and forwards the request.
#[get("/late", rank = 1)]
async fn asks_too_early(_token: Result<FormToken, Error>, _elsewhere: Elsewhere) -> &'static str {
    "unchecked"
}

#[get("/late", rank = 2)]
async fn late(token: FormToken) -> String {
    token.to_string()
}

#[test]
fn a_guard_that_asks_too_early_does_not_affect_later_routes() {
    let csrf = CsrfFairing::new(always());
    let routes = silent()
        .attach(sessions())
        .mount("/", csrf.exempt(routes![asks_too_early]))
        .mount("/", csrf.protect(routes![late]));
    let mut browser = Browser::new(routes.attach(csrf));
    assert_eq!(browser.get("/late").status(), Status::Ok);
}

#[get("/socket")]
async fn socket() -> &'static str {
    "open"
}

#[test]
fn a_handshake_is_checked_by_its_origin() {
    let csrf = CsrfFairing::new(always());
    let client = Client::untracked(silent().attach(sessions()).mount("/", csrf.protect(routes![socket]))).unwrap();
    for (origin, status) in [
        (Some("https://hats.example"), Status::Ok),
        (Some("https://evil.example"), Status::Forbidden),
        (None, Status::Ok),
    ] {
        let mut request = client.get("/socket");
        for (name, value) in [("host", "hats.example"), ("upgrade", "websocket"), ("connection", "upgrade")] {
            request.add_header(rocket::http::Header::new(name, value));
        }
        if let Some(origin) = origin {
            request.add_header(rocket::http::Header::new("origin", origin));
        }
        assert_eq!(request.dispatch().status(), status, "{origin:?}");
    }
}

#[test]
fn report_only_passes_requests_that_cannot_be_checked() {
    let csrf = CsrfFairing::new(always_with(|it| it.danger_report_only()));
    let client = Client::untracked(silent().mount("/", csrf.protect(routes![webhook]))).unwrap();
    let request = client.req(Method::Post, "/webhook").header(rocket::http::Header::new(OURS.0, OURS.1));
    assert_eq!(request.dispatch().status(), Status::Ok, "no sessions are attached");
}
