//! The table "The order of layers" of the guide, row by row.

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use bytes::Bytes;
use cloakroom_session::Session;
use cloakroom_tower::axum::{CheckedForm, FormToken};
use cloakroom_tower::{CsrfLayer, SessionLayer};
use http::{HeaderValue, Request, Response, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;

use crate::browser::{Browser, Sent, Site, always, empty, full, request, session_layer, set_cookies};

const APP: &str = "https://app.example";

#[derive(serde::Deserialize)]
struct Order {
    item: String,
}

async fn page(session: Session, token: FormToken) -> String {
    session.insert("seen", true).unwrap();
    // Long enough to be compressed.
    format!("{token} {}", "x".repeat(1000))
}

async fn buy(session: Session, CheckedForm(order): CheckedForm<Order>) -> String {
    session.insert("item", &order.item).unwrap();
    order.item
}

async fn panics(session: Session) {
    session.insert("item", "half").unwrap();
    panic!("on purpose");
}

async fn keys(session: Session) -> String {
    session.keys().join(" ")
}

fn pages() -> Router {
    Router::new().route("/", get(page).post(buy)).route("/panic", get(panics)).route("/keys", get(keys))
}

/// A layer at each place: next to the handlers, between CSRF and session layer, and outside both.
macro_rules! at_each_place {
    ($layer:expr) => {{
        let (sessions, csrf): (SessionLayer, CsrfLayer) = (session_layer(), CsrfLayer::new(always()));
        [
            ("inside", Site::new(pages().layer($layer).layer(csrf.clone()).layer(sessions.clone()))),
            ("between", Site::new(pages().layer(csrf.clone()).layer($layer).layer(sessions.clone()))),
            ("outside", Site::new(pages().layer(csrf).layer(sessions).layer($layer))),
        ]
    }};
}

fn visit(site: &Site) -> (Browser, String) {
    let mut browser = Browser::default();
    let body = browser.get(site, "/").into_body();
    let token = std::str::from_utf8(&body).unwrap().split(' ').next().unwrap().to_owned();
    (browser, token)
}

fn order(token: &str, body: impl FnOnce(String) -> Sent) -> Request<Sent> {
    request("POST", "/")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body(format!("item=hat&csrf_token={token}")))
        .unwrap()
}

#[test]
fn cors_outside_the_csrf_layer_lets_the_page_read_a_refusal() {
    let cors = || CorsLayer::new().allow_origin(HeaderValue::from_static(APP)).allow_credentials(true);
    for (place, site) in at_each_place!(cors()) {
        let preflight = request("OPTIONS", "/")
            .header(header::ORIGIN, APP)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header("sec-fetch-site", "cross-site");
        let allowed = |response: &Response<Bytes>| response.headers().get("access-control-allow-origin").cloned();
        let response = site.answer(preflight.body(empty()).unwrap());
        assert_eq!((response.status().as_u16(), allowed(&response).unwrap().to_str().unwrap()), (200, APP), "{place}");
        let foreign = request("POST", "/").header(header::ORIGIN, APP).header("sec-fetch-site", "cross-site");
        let response = site.answer(foreign.body(empty()).unwrap());
        assert_eq!((response.status().as_u16(), allowed(&response).is_some()), (403, place != "inside"), "{place}");
    }
}

#[test]
fn a_panic_commits_nothing_wherever_it_is_caught() {
    for (place, site) in at_each_place!(CatchPanicLayer::new()) {
        let (mut browser, _) = visit(&site);
        let response = browser.get(&site, "/panic");
        assert_eq!((response.status().as_u16(), set_cookies(&response).len()), (500, 0), "{place}");
        assert_eq!(browser.get(&site, "/keys").body().as_ref(), b"seen", "{place}");
    }
}

#[test]
fn compression_changes_neither_cookies_nor_caching() {
    for (place, site) in at_each_place!(CompressionLayer::new()) {
        let compressed = request("GET", "/").header(header::ACCEPT_ENCODING, "gzip").body(empty()).unwrap();
        let response = Browser::default().send(&site, compressed);
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip", "{place}");
        assert_eq!(set_cookies(&response).len(), 1, "{place}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private, no-store", "{place}");
        let vary: Vec<_> = response.headers().get_all(header::VARY).iter().map(|it| it.to_str().unwrap()).collect();
        let vary = vary.join(", ");
        assert!(vary.contains("cookie") && vary.contains("accept-encoding"), "{place}: {vary}");
    }
}

/// A body that doesn't announce its length.
fn streamed(text: String) -> Sent {
    use http_body_util::{BodyExt as _, StreamBody};
    struct Once(Option<String>);
    impl futures_core::Stream for Once {
        type Item = Result<http_body::Frame<Bytes>, crate::browser::Broken>;
        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Ready(self.0.take().map(|text| Ok(http_body::Frame::data(text.into()))))
        }
    }
    StreamBody::new(Once(Some(text))).boxed()
}

#[test]
fn a_body_over_a_limit_is_413_wherever_the_limit_is() {
    type Make = fn(String) -> Sent;
    let bodies: [(&str, Make); 2] = [("of known length", |text| full(text)), ("of unknown length", streamed)];
    for (name, body) in bodies {
        for limit in [20, 1000] {
            let sites = at_each_place!(RequestBodyLimitLayer::new(limit));
            for (place, site) in sites.into_iter().chain(at_each_place!(DefaultBodyLimit::max(limit))) {
                let (mut browser, token) = visit(&site);
                let response = browser.send(&site, order(&token, body));
                let status = if limit == 20 { 413 } else { 200 };
                assert_eq!(response.status(), status, "{name}, {limit} {place}: {:?}", response.body());
            }
        }
    }
}

#[test]
fn a_body_over_a_limit_without_axum_is_413() {
    use tower::{Layer as _, service_fn};
    let handler = service_fn(async |_: Request<_>| Ok::<_, std::convert::Infallible>(Response::new(Body::empty())));
    let checked = CsrfLayer::new(always()).layer(handler);
    let site = Site::new(pages().layer(CsrfLayer::new(always())).layer(session_layer()));
    let (browser, token) = visit(&site);
    let cookie = format!("{}={}", browser.jar[0].name, browser.jar[0].value);
    let limited = Site::new(session_layer().layer(RequestBodyLimitLayer::new(20).layer(checked)));
    for (name, body) in [("known", full as fn(String) -> Sent), ("unknown", streamed)] {
        let mut request = order(&token, body);
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        assert_eq!(limited.answer(request).status(), 413, "{name}");
    }
}
