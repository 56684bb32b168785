//! Handlers that are dropped before they return: by a timeout, a `select!`, or a layer of the
//! application.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use cloakroom_session::Session;
use cloakroom_tower::{CsrfLayer, SessionLayer};
use http::StatusCode;
use tower::ServiceBuilder;
use tower_http::timeout::TimeoutLayer;

use crate::browser::{Browser, Site, always, session_layer, set_cookies};
use crate::traces::traced;

/// Short, because no handler here returns before it is dropped.
const LIMIT: Duration = Duration::from_millis(1);

/// Writes, and never returns.
async fn order(session: Session) {
    session.insert("paid", true).unwrap();
    std::future::pending::<()>().await;
    session.insert("shipped", true).unwrap();
}

async fn keys(session: Session) -> String {
    session.keys().join(" ")
}

async fn limited(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn selected(request: Request, next: Next) -> Response {
    tokio::select! {
        response = next.run(request) => response,
        () = tokio::time::sleep(LIMIT) => "a page from the cache".into_response(),
    }
}

/// A body that holds a session until it has been read.
struct Keys(Option<Session>);

impl http_body::Body for Keys {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let session = self.0.take();
        Poll::Ready(session.map(|session| Ok(http_body::Frame::data(session.keys().join(" ").into()))))
    }
}

fn pages() -> Router {
    Router::new().route("/order", get(order)).route("/", get(keys))
}

/// The layers in one `ServiceBuilder`, where the timeout is directly inside.
fn stacked(sessions: SessionLayer, csrf: CsrfLayer) -> Router {
    pages().layer(ServiceBuilder::new().layer(sessions).layer(csrf).layer(layer()))
}

fn layer() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LIMIT)
}

#[test]
fn a_handler_that_is_dropped_commits_nothing() {
    let (sessions, csrf) = (session_layer(), CsrfLayer::new(always()));
    for (name, router, status) in [
        ("a layer in one stack with the session layer", stacked(sessions.clone(), csrf.clone()), 408),
        ("a layer around the CSRF layer", pages().layer(csrf.clone()).layer(layer()).layer(sessions.clone()), 408),
        (
            "a layer around a second session layer",
            pages().layer(sessions.clone()).layer(layer()).layer(csrf.clone()).layer(sessions.clone()),
            408,
        ),
        (
            "a middleware around the CSRF layer",
            pages().layer(csrf).layer(from_fn(limited)).layer(sessions.clone()),
            503,
        ),
        (
            "a middleware around a second session layer",
            pages().layer(sessions.clone()).layer(from_fn(limited)).layer(sessions.clone()),
            503,
        ),
        (
            "a select! around a second session layer",
            pages().layer(sessions.clone()).layer(from_fn(selected)).layer(sessions.clone()),
            200,
        ),
        ("a layer outside", pages().layer(sessions.clone()).layer(layer()), 408),
    ] {
        let site = Site::new(router);
        let mut browser = Browser::default();
        let (response, events) = traced(|| browser.get(&site, "/order"));
        assert_eq!(response.status(), status, "{name}");
        assert!(set_cookies(&response).is_empty(), "{name}");
        assert_eq!(browser.get(&site, "/").body().as_ref(), b"", "{name}");
        let told = events.iter().any(|event| format!("{event:?}").contains("dropped before it returned"));
        assert_eq!(told, name != "a layer outside", "{name}: {events:?}");
    }
}

#[test]
fn a_session_that_outlives_its_handler_is_committed() {
    /// Hands the session to a task and to the body of the response.
    async fn streams(session: Session) -> Body {
        session.insert("paid", true).unwrap();
        let task = session.clone();
        tokio::spawn(async move { drop(task) });
        Body::new(Keys(Some(session)))
    }
    let hour = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(3600));
    let stack = ServiceBuilder::new().layer(session_layer()).layer(hour);
    let router = pages().route("/stream", get(streams)).layer(stack);
    let site = Site::new(router);
    let mut browser = Browser::default();
    assert_eq!(browser.get(&site, "/stream").body().as_ref(), b"paid");
    assert_eq!(browser.get(&site, "/").body().as_ref(), b"paid");
}
