//! The session fairing.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_rocket::{CsrfFairing, SessionFairing};
use cloakroom_session::factory::{Commit, Committed, CookieHeader, CookiePayload, SessionFactory, SessionState};
use cloakroom_session::{
    CommitPolicy, CookieConfig, CookieSessions, Error, Key, Lifetimes, ManualClock, NamedSession, Session,
    SessionHeader, Timestamp,
};
use rocket::http::{Header, Status};
use rocket::local::blocking::Client;
use rocket::response::stream::TextStream;
use rocket::{Build, Responder, Rocket, catch, catchers, get, routes};

use crate::site::{Browser, always, sessions, silent};

#[get("/in")]
async fn sign_in(session: Session) -> Result<(), Error> {
    session.insert("user", "ann")
}

#[get("/")]
async fn who(session: Session) -> Result<String, Error> {
    Ok(session.get::<String>("user")?.unwrap_or_default())
}

#[get("/much")]
async fn too_much(session: Session) -> Result<&'static str, Error> {
    session.remove("user");
    session.insert("text", "secret".repeat(1000))?;
    Ok("your order is on its way")
}

#[get("/panic")]
async fn panics(session: Session) {
    session.clear();
    panic!("on purpose");
}

#[get("/fails")]
async fn fails(session: Session) -> Result<Status, Error> {
    session.insert("user", "bob")?;
    Ok(Status::InternalServerError)
}

#[derive(Responder)]
struct Cached {
    text: &'static str,
    caching: Header<'static>,
    targeted: Header<'static>,
    vary: Header<'static>,
}

#[get("/cached")]
async fn cached(session: Session) -> Result<Cached, Error> {
    session.insert("seen", true)?;
    let caching = Header::new("Cache-Control", "public, max-age=60");
    let targeted = Header::new("CDN-Cache-Control", "max-age=600");
    Ok(Cached { text: "cached", caching, targeted, vary: Header::new("Vary", "accept") })
}

#[get("/token")]
async fn token(session: Session) -> Result<Cached, Error> {
    session.masked_csrf_token()?;
    let caching = Header::new("Cache-Control", "public, max-age=60");
    let targeted = Header::new("CDN-Cache-Control", "max-age=600");
    Ok(Cached { text: "token", caching, targeted, vary: Header::new("Vary", "accept") })
}

#[get("/stream")]
fn stream(session: Session) -> TextStream![String] {
    TextStream! {
        for step in 0..3 {
            yield format!("{step}");
        }
        drop(session);
    }
}

#[get("/untouched")]
async fn untouched() -> &'static str {
    "nobody asked"
}

#[catch(500)]
const fn in_our_words() -> &'static str {
    "sorry"
}

fn app(fairing: SessionFairing) -> Rocket<Build> {
    let routes = routes![sign_in, who, too_much, panics, fails, cached, token, stream, untouched];
    silent().attach(fairing).mount("/", routes).register("/", catchers![in_our_words])
}

#[test]
fn a_commit_that_fails_replaces_the_response_and_keeps_the_cookie() {
    let mut browser = Browser::new(app(sessions()));
    browser.get("/in");
    let before = browser.cookie.clone();
    let response = browser.get("/much");
    assert_eq!(response.status(), Status::InternalServerError);
    assert_eq!(response.headers().get_one("cache-control"), Some("no-store"));
    assert_eq!(response.into_string().unwrap(), "Internal Server Error");
    assert_eq!(browser.cookie, before);
    assert_eq!(browser.get("/").into_string().unwrap(), "ann");
}

#[test]
fn a_failing_handler_commits_according_to_the_policy() {
    let table = [
        ("it panics", CommitPolicy::Always, "/panic", "ann"),
        ("an error response", CommitPolicy::Always, "/fails", "bob"),
        ("an error response, under the other policy", CommitPolicy::NotOnServerError, "/fails", "ann"),
    ];
    for (row, policy, path, user) in table {
        let mut browser = Browser::new(app(sessions().commit_policy(policy)));
        browser.get("/in");
        let response = browser.get(path);
        assert_eq!(response.status(), Status::InternalServerError, "{row}");
        assert_eq!(response.into_string().unwrap(), "sorry", "{row}: the catcher answers");
        assert_eq!(browser.get("/").into_string().unwrap(), user, "{row}");
    }
}

#[test]
fn existing_caching_headers_are_merged_or_corrected() {
    let mut browser = Browser::new(app(sessions()));
    let response = browser.get("/cached");
    assert_eq!(response.headers().get("vary").collect::<Vec<_>>(), ["accept", "cookie"]);
    assert_eq!(response.headers().get("cache-control").collect::<Vec<_>>(), ["private, no-store"]);
    assert_eq!(response.headers().get_one("cdn-cache-control"), None);
}

#[test]
fn a_page_with_a_token_is_not_cached() {
    let mut browser = Browser::new(app(sessions()));
    browser.get("/in");
    let response = browser.get("/token");
    assert_eq!(response.headers().get_one("set-cookie"), None);
    assert_eq!(response.headers().get_one("cache-control"), Some("private, no-store"));
    assert_eq!(response.headers().get_one("cdn-cache-control"), None);
}

#[test]
fn a_request_without_a_session_is_unchanged() {
    let mut browser = Browser::new(app(sessions()));
    let response = browser.get("/untouched");
    for name in ["set-cookie", "vary", "cache-control"] {
        assert_eq!(response.headers().get_one(name), None, "{name}");
    }
}

#[test]
fn a_stream_passes() {
    let mut browser = Browser::new(app(sessions()));
    assert_eq!(browser.get("/stream").into_string().unwrap(), "012");
}

#[test]
fn the_clock_is_passed_in() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_secs(1_800_000_000)));
    let mut browser = Browser::new(app(sessions().clock(Arc::clone(&clock))));
    browser.get("/in");
    let cookie = browser.cookie.clone();
    clock.advance(Duration::from_secs(20 * 60 + 1));
    assert_eq!(browser.get("/").into_string().unwrap(), "");
    assert_eq!(browser.cookie, cookie, "an expired session is ignored without an event");
}

#[test]
fn without_the_fairing_the_guard_fails() {
    let mut browser = Browser::new(silent().mount("/", routes![who]));
    assert_eq!(browser.get("/").status(), Status::InternalServerError);
}

/// A store that can't be reached.
#[derive(Debug)]
struct Down;

impl SessionFactory for Down {
    async fn open(&self, _: CookieHeader<'_>, _: Timestamp) -> Result<SessionState, Error> {
        Err(Error::unavailable("it is down"))
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, Error> {
        Err(Error::unavailable("it is down"))
    }
}

/// A store that fails while a request is handled.
#[derive(Debug)]
struct Lost;

impl SessionFactory for Lost {
    async fn open(&self, _: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        Ok(SessionState::fresh(now, Lifetimes::default()).with_payload(CookiePayload::Id))
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, Error> {
        Err(Error::unavailable("it is down"))
    }
}

#[test]
fn an_outage_is_503() {
    let mut browser = Browser::new(app(SessionFairing::new(Down)));
    assert_eq!(browser.get("/in").status(), Status::ServiceUnavailable);
    assert_eq!(browser.get("/untouched").status(), Status::Ok);

    let mut browser = Browser::new(app(SessionFairing::new(Lost)));
    let response = browser.get("/in");
    assert_eq!(response.status(), Status::ServiceUnavailable);
    assert!(response.headers().get_one("retry-after").is_some());
    drop(response);
    assert_eq!(browser.get("/").status(), Status::Ok, "nothing was written");
}

/// A fairing that opens the session before a route is chosen.
struct Early;

#[rocket::async_trait]
impl rocket::fairing::Fairing for Early {
    fn info(&self) -> rocket::fairing::Info {
        rocket::fairing::Info { name: "Early", kind: rocket::fairing::Kind::Request }
    }

    async fn on_request(&self, request: &mut rocket::Request<'_>, _: &mut rocket::Data<'_>) {
        let session = request.guard::<Session>().await.succeeded().expect("a session, whoever was attached first");
        session.insert("early", true).unwrap();
    }
}

#[get("/early")]
async fn early(session: Session) -> Result<String, Error> {
    Ok(session.get::<bool>("early")?.unwrap_or_default().to_string())
}

#[test]
fn sessions_are_available_in_any_order_of_fairings() {
    for (name, site) in [
        ("asks before", silent().attach(Early).attach(sessions())),
        ("asks after", silent().attach(sessions()).attach(Early)),
    ] {
        let mut browser = Browser::new(site.mount("/", routes![early]));
        assert_eq!(browser.get("/early").into_string().unwrap(), "true", "{name}");
        assert!(browser.cookie.is_some(), "{name}: the changes are committed");
    }
}

#[rocket::post("/in")]
async fn program_signs_in(session: Session) -> Result<(), Error> {
    session.insert("user", "ann")
}

#[test]
fn a_program_has_its_id_in_a_header() {
    let header = SessionHeader::named("x-session").unwrap();
    let csrf = CsrfFairing::new(always());
    let rocket = silent().attach(sessions().header(header)).mount("/", csrf.protect(routes![program_signs_in]));
    let mut program = Browser::new(rocket.mount("/", routes![who]).attach(csrf));
    let answer = program.post("/in", &[("x-session", "new")], "");
    let id = answer.headers().get_one("x-session").unwrap().to_owned();
    assert_eq!(answer.headers().get("vary").collect::<Vec<_>>(), ["cookie", "x-session"]);
    assert_eq!(answer.headers().get_one("set-cookie"), None);
    drop(answer);
    assert_eq!(program.get_with("/", &[("x-session", &id)]).into_string().unwrap(), "ann");
    assert_eq!(program.post("/in", &[], "").status(), Status::Forbidden);
}

struct Admin;

#[get("/both")]
async fn both(site: Session, admin: NamedSession<Admin>) -> Result<(), Error> {
    site.insert("area", "site")?;
    admin.insert("area", "admin")
}

fn fairing(name: &str) -> SessionFairing {
    let key = Key::new(b"a secret of the tests, of 32 bytes or even more").unwrap();
    SessionFairing::new(CookieSessions::encrypted(key).cookie(CookieConfig::default().name(name)).build().unwrap())
}

#[test]
fn a_named_session_is_next_to_the_ordinary_one() {
    let (site, admin) = (fairing("__Host-Http-site"), fairing("__Host-Http-admin").named::<Admin>());
    for (order, rocket) in [
        ("site first", silent().attach(site.clone()).attach(admin.clone())),
        ("admin first", silent().attach(admin.clone()).attach(site.clone())),
        ("one of them twice", silent().attach(site.clone()).attach(admin).attach(site)),
    ] {
        let mut browser = Browser::new(rocket.mount("/", routes![both]));
        let response = browser.get("/both");
        let mut names: Vec<_> =
            response.headers().get("set-cookie").map(|line| line.split('=').next().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(
            (response.status(), names.join(" ").as_str()),
            (Status::Ok, "__Host-Http-admin __Host-Http-site"),
            "{order}"
        );
    }
}

#[test]
fn fairings_that_could_not_be_told_apart_prevent_the_launch() {
    let launches = |other: SessionFairing| {
        let rocket = silent().attach(fairing("__Host-Http-site")).attach(other);
        // Rocket panics if the launch error is dropped without being read.
        Client::untracked(rocket).map_err(|error| error.to_string()).is_ok()
    };
    assert!(!launches(fairing("__Host-Http-site").named::<Admin>()), "one cookie");
    assert!(!launches(fairing("__Host-Http-admin")), "two without a name");
    assert!(launches(fairing("__Host-Http-admin").named::<Admin>()), "another cookie and a name");
}

#[test]
fn the_host_of_the_request_selects_the_domain_of_the_cookie() {
    for (host, expected) in [("www.shop.example", true), ("other.example", false)] {
        let fairing = fairing("__Secure-session").cookie_domains(["shop.example"]).unwrap();
        let mut browser = Browser::new(silent().attach(fairing).mount("/", routes![sign_in]));
        let answer = browser.get_with("/in", &[("host", host)]);
        let cookie = answer.headers().get_one("set-cookie").unwrap();
        assert_eq!(cookie.contains("; Domain=shop.example;"), expected, "{host}: {cookie}");
    }
}
