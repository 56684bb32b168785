//! Several session layers: a site and an administration area with its own session, the same layer
//! twice, and two layers that would set the same cookie.

use axum::Router;
use axum::extract::Request as Incoming;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use cloakroom_session::{CookieConfig, CookieSessions, ManualClock, NamedSession, Session};
use cloakroom_tower::axum::{CheckedForm, FormToken};
use cloakroom_tower::{CsrfLayer, SessionLayer};
use http::{Request, header};

use crate::browser::{Browser, NAME, START, Sent, Site, always, full, key, request, set_cookies};
use crate::traces::traced;

#[derive(serde::Deserialize)]
struct Order {
    item: String,
}

fn sessions(name: &str) -> SessionLayer {
    let sessions = CookieSessions::signed(key(1)).cookie(CookieConfig::default().name(name)).build().unwrap();
    SessionLayer::new(sessions).clock(ManualClock::at(START))
}

async fn token(token: FormToken) -> String {
    token.to_string()
}

async fn buy(session: Session, CheckedForm(order): CheckedForm<Order>) -> String {
    session.insert("item", &order.item).unwrap();
    order.item
}

fn order(path: &str, token: &str) -> Request<Sent> {
    request("POST", path)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(full(format!("item=hat&csrf_token={token}")))
        .unwrap()
}

fn pages() -> Router {
    Router::new().route("/token", get(token)).route("/buy", post(buy))
}

#[test]
fn a_token_belongs_to_the_session_that_is_checked() {
    let csrf = CsrfLayer::new(always());
    for (name, csrf) in [("enforced", csrf.clone()), ("checked by the form alone", csrf.exempt())] {
        let admin = pages().layer(sessions("__Host-Http-admin"));
        let router = pages().nest("/admin", admin).layer(csrf).layer(sessions("__Host-Http-site"));
        let site = Site::new(router);
        for from in ["/token", "/admin/token"] {
            let mut browser = Browser::default();
            let token = String::from_utf8(browser.get(&site, from).into_body().to_vec()).unwrap();
            for to in ["/buy", "/admin/buy"] {
                let response = browser.send(&site, order(to, &token));
                assert_eq!(
                    (response.status().as_u16(), response.body().as_ref()),
                    (200, b"hat".as_slice()),
                    "{name}: {from} {to}"
                );
                let response = browser.send(&site, order(to, "x"));
                assert_eq!(response.status(), 403, "{name}: {from} {to}");
            }
        }
    }
}

async fn visits(session: Session) -> String {
    session
        .update("visits", |visits: &mut u32| {
            *visits += 1;
            *visits
        })
        .unwrap()
        .to_string()
}

/// Writes to the session before and after the handler.
async fn log(session: Session, request: Incoming, next: Next) -> Response {
    session.update("before", |count: &mut u32| *count += 1).unwrap();
    let response = next.run(request).await;
    session.update("after", |count: &mut u32| *count += 1).unwrap();
    response
}

#[test]
fn the_same_layer_twice_is_one_session_with_one_commit() {
    async fn counts(session: Session) -> String {
        let count = |key| session.get::<u32>(key).unwrap().unwrap_or_default();
        format!("{} {} {}", count("visits"), count("before"), count("after"))
    }
    let twice = sessions(NAME);
    let pages = Router::new().route("/visits", get(visits)).route("/counts", get(counts)).layer(twice.clone());
    let site = Site::new(Router::new().nest("/in", pages).layer(from_fn(log)).layer(twice));
    let mut browser = Browser::default();
    for expected in ["1", "2", "3"] {
        let response = browser.get(&site, "/in/visits");
        assert_eq!(response.body().as_ref(), expected.as_bytes());
        assert_eq!(set_cookies(&response).len(), 1);
        assert_eq!(response.headers().get_all(header::VARY).iter().count(), 1);
    }
    assert_eq!(browser.get(&site, "/in/counts").body().as_ref(), b"3 4 3");
}

#[test]
fn two_layers_that_set_one_cookie_are_an_error_of_the_first_request() {
    let pages = Router::new().route("/visits", get(visits)).layer(sessions(NAME));
    let site = Site::new(Router::new().nest("/in", pages).layer(sessions(NAME)));
    let (response, events) = traced(|| Browser::default().get(&site, "/in/visits"));
    assert_eq!(response.status(), 500);
    assert!(set_cookies(&response).is_empty());
    let error = events.iter().find_map(|event| event.field("error")).unwrap_or_default();
    assert!(error.contains(NAME) && error.contains("two session layers"), "{events:?}");
}

/// The name of the site.
struct Place;

#[test]
fn a_handler_reaches_the_session_of_an_outer_layer_by_its_name() {
    async fn both(admin: Session, site: NamedSession<Place>) {
        admin.insert("area", "admin").unwrap();
        site.insert("area", "site").unwrap();
    }
    async fn area(session: Session) -> String {
        session.get("area").unwrap().unwrap_or_default()
    }
    async fn nowhere(session: NamedSession<u8>) {
        session.changed();
    }
    let pages = || Router::new().route("/area", get(area)).route("/nowhere", get(nowhere)).route("/both", get(both));
    let admin = pages().layer(sessions("__Host-Http-admin"));
    let site = Site::new(pages().nest("/admin", admin).layer(sessions("__Host-Http-site").named::<Place>()));
    let mut browser = Browser::default();
    let response = browser.get(&site, "/admin/both");
    assert_eq!((response.status().as_u16(), set_cookies(&response).len()), (200, 2));
    assert_eq!(browser.get(&site, "/area").body().as_ref(), b"site");
    assert_eq!(browser.get(&site, "/admin/area").body().as_ref(), b"admin");
    let (response, events) = traced(|| browser.get(&site, "/admin/nowhere"));
    assert_eq!(response.status(), 500);
    let error = events.iter().find_map(|event| event.field("error")).unwrap_or_default();
    assert!(error.contains("no session layer around this handler has the name u8"), "{events:?}");
}
