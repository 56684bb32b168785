//! Two session layers and one CSRF layer: a site, and an administration area with its own session.

use axum::Router;
use axum::routing::{get, post};
use cloakroom_session::{CookieConfig, CookieSessions, ManualClock, Session};
use cloakroom_tower::axum::{CheckedForm, FormToken};
use cloakroom_tower::{CsrfLayer, SessionLayer};
use http::{Request, header};

use crate::browser::{Browser, START, Sent, Site, always, full, key, request};

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
