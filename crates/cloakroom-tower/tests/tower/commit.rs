//! The time of the commit, and the response when it fails.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use cloakroom_session::factory::{Commit, Committed, CookieHeader, SessionFactory, SessionState};
use cloakroom_session::{CommitPolicy, Error, Session, Timestamp};
use cloakroom_tower::SessionLayer;
use http::{Response, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::{Layer, Service, ServiceExt as _};

use crate::browser::{Browser, NAME, Site, request, run, session_layer, sessions, set_cookies};
use crate::traces::traced;

async fn sign_in(session: Session) {
    session.insert("user", "ann").unwrap();
}

async fn who(session: Session) -> String {
    session.get::<String>("user").unwrap().unwrap_or_default()
}

async fn too_much(session: Session) -> &'static str {
    session.remove("user");
    session.insert("text", "secret".repeat(1000)).unwrap();
    "your order is on its way"
}

fn router() -> Router {
    Router::new().route("/in", get(sign_in)).route("/", get(who)).route("/much", get(too_much))
}

#[test]
fn a_commit_that_fails_replaces_the_response_and_keeps_the_cookie() {
    let site = Site::new(router().layer(session_layer()));
    let mut browser = Browser::default();
    browser.get(&site, "/in");
    let before = browser.value(NAME).unwrap().to_owned();
    let (response, events) = traced(|| browser.get(&site, "/much"));
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.body().as_ref(), b"Internal Server Error");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert!(set_cookies(&response).is_empty());
    assert_eq!(browser.value(NAME), Some(before.as_str()));
    assert_eq!(browser.get(&site, "/").body().as_ref(), b"ann");
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    assert_eq!(event.level, tracing::Level::ERROR);
    let error = event.field("error").unwrap();
    assert!(error.contains("\"text\"") && !format!("{event:?}").contains("secret"), "{event:?}");
}

#[test]
fn the_application_can_replace_the_response_to_a_failed_commit() {
    let layer = session_layer().on_error(|error| {
        assert!(error.is_too_large());
        let mut response = Response::new(Bytes::from_static(b"sorry"));
        *response.status_mut() = StatusCode::INSUFFICIENT_STORAGE;
        response
    });
    let site = Site::new(router().layer(layer));
    let response = Browser::default().get(&site, "/much");
    assert_eq!((response.status(), response.body().as_ref()), (StatusCode::INSUFFICIENT_STORAGE, b"sorry".as_slice()));
    assert_eq!(response.headers()[header::VARY], "cookie");
}

#[test]
fn an_earlier_commit_is_sent_with_the_error() {
    async fn handler(session: Session) {
        session.insert("user", "ann").unwrap();
        session.commit_now().await.unwrap();
        session.insert("text", "x".repeat(6000)).unwrap();
    }
    let site = Site::new(router().route("/both", get(handler)).layer(session_layer()));
    let mut browser = Browser::default();
    assert_eq!(browser.get(&site, "/both").status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.get(&site, "/").body().as_ref(), b"ann");
}

#[test]
fn the_policy_looks_at_the_status() {
    async fn fails(session: Session) -> StatusCode {
        session.insert("user", "bob").unwrap();
        StatusCode::BAD_GATEWAY
    }
    for (policy, expected) in [(CommitPolicy::Always, "bob"), (CommitPolicy::NotOnServerError, "ann")] {
        let site = Site::new(router().route("/fail", get(fails)).layer(session_layer().commit_policy(policy)));
        let mut browser = Browser::default();
        browser.get(&site, "/in");
        let response = browser.get(&site, "/fail");
        assert_eq!(response.headers()[header::VARY], "cookie", "{policy:?}: the session was opened");
        assert_eq!(browser.get(&site, "/").body().as_ref(), expected.as_bytes(), "{policy:?}");
    }
}

/// A store that is down.
#[derive(Debug)]
struct Down;

impl SessionFactory for Down {
    async fn open(&self, _: CookieHeader<'_>, _: Timestamp) -> Result<SessionState, Error> {
        Err(Error::unavailable("postgres://user:secret@db is down"))
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, Error> {
        Err(Error::unavailable("down"))
    }
}

#[test]
fn a_store_outage_affects_only_requests_that_use_their_session() {
    let site = Site::new(router().route("/static", get(|| async { "fine" })).layer(SessionLayer::new(Down)));
    assert_eq!(Browser::default().get(&site, "/static").body().as_ref(), b"fine");
    let response = Browser::default().get(&site, "/");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "5");
    assert_eq!(response.body().as_ref(), b"Service Unavailable");
}

/// Turns a panic into a response with this status, as tower-http's layer does with 500.
#[derive(Clone)]
struct CatchPanic(StatusCode);

#[derive(Clone)]
struct Catching<S>(S, StatusCode);

impl<S> Layer<S> for CatchPanic {
    type Service = Catching<S>;

    fn layer(&self, inner: S) -> Catching<S> {
        Catching(inner, self.0)
    }
}

impl<S, R> Service<R> for Catching<S>
where
    S: Service<R>,
    S::Response: From<StatusCodeResponse>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (mut future, status) = (Some(Box::pin(self.0.call(request))), self.1);
        Box::pin(std::future::poll_fn(move |cx| {
            let running = future.as_mut().unwrap();
            match std::panic::catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
                Ok(poll) => poll,
                Err(_) => {
                    future = None;
                    Poll::Ready(Ok(StatusCodeResponse(status).into()))
                }
            }
        }))
    }
}

struct StatusCodeResponse(StatusCode);

impl From<StatusCodeResponse> for axum::response::Response {
    fn from(StatusCodeResponse(status): StatusCodeResponse) -> Self {
        axum::response::IntoResponse::into_response((status, "the panic was caught"))
    }
}

#[test]
fn a_handler_that_panics_commits_nothing() {
    async fn immediately(session: Session) {
        session.insert("user", "bob").unwrap();
        panic!("oh");
    }
    async fn later(session: Session) {
        session.invalidate();
        tokio::task::yield_now().await;
        panic!("oh");
    }
    let router = router().route("/once", get(immediately)).route("/later", get(later));
    // An error response stays. Any other response would hide the loss, and is replaced.
    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "the panic was caught"),
        (StatusCode::SERVICE_UNAVAILABLE, "the panic was caught"),
        (StatusCode::OK, "Internal Server Error"),
    ] {
        let site = Site::new(router.clone().layer(CatchPanic(status)).layer(session_layer()));
        for path in ["/once", "/later"] {
            let mut browser = Browser::default();
            browser.get(&site, "/in");
            let response = browser.get(&site, path);
            assert_eq!(response.body().as_ref(), body.as_bytes(), "{status}, {path}");
            assert!(response.status().is_server_error(), "{status}, {path}");
            assert!(set_cookies(&response).is_empty(), "{status}, {path}");
            assert_eq!(browser.get(&site, "/").body().as_ref(), b"ann", "{status}, {path}");
        }
    }
}

#[test]
fn a_client_that_disconnects_early_commits_nothing() {
    struct Telltale(Arc<AtomicBool>);
    impl Drop for Telltale {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Counts commits.
    #[derive(Debug)]
    struct Counting(Arc<AtomicBool>);
    impl SessionFactory for Counting {
        async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
            sessions().open(cookies, now).await
        }
        async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
            self.0.store(true, Ordering::SeqCst);
            sessions().commit(commit).await
        }
    }

    let (committed, dropped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let telltale = Arc::clone(&dropped);
    let waits = move |session: Session| async move {
        let _telltale = Telltale(telltale);
        session.insert("user", "bob").unwrap();
        std::future::pending::<()>().await;
    };
    let router = Router::new().route("/", get(waits)).layer(SessionLayer::new(Counting(Arc::clone(&committed))));
    run(async {
        let answer = router.oneshot(request("GET", "/").body(Body::empty()).unwrap());
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), answer).await.is_err());
    });
    assert!(dropped.load(Ordering::SeqCst), "the handler is gone");
    assert!(!committed.load(Ordering::SeqCst), "its changes are lost, too");
}

/// A factory whose commits take a moment, and which records their completion.
#[derive(Debug)]
struct Slow(Arc<AtomicBool>);

impl SessionFactory for Slow {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        sessions().open(cookies, now).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        self.0.store(true, Ordering::SeqCst);
        sessions().commit(commit).await
    }
}

#[test]
fn a_client_that_disconnects_during_the_commit_does_not_stop_it() {
    let committed = Arc::new(AtomicBool::new(false));
    let service = router().layer(SessionLayer::new(Slow(Arc::clone(&committed))));
    run(async {
        let answer = service.oneshot(request("GET", "/in").body(Body::empty()).unwrap());
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), answer).await.is_err());
        assert!(!committed.load(Ordering::SeqCst), "it runs");
        while !committed.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_success_page_does_not_cover_a_helper_that_panicked() {
    async fn with_help(session: Session) -> Result<&'static str, StatusCode> {
        session.insert("user", "bob").unwrap();
        let handle = session.clone();
        let helper = tokio::spawn(async move {
            handle.insert("more", 1).unwrap();
            panic!("oh");
        });
        if helper.await.is_err() && session.contains_key("fail") { Err(StatusCode::BAD_GATEWAY) } else { Ok("saved") }
    }
    async fn and_fails(session: Session) -> Result<&'static str, StatusCode> {
        session.insert("fail", true).unwrap();
        with_help(session).await
    }
    let site = Site::new(router().route("/ok", get(with_help)).route("/fail", get(and_fails)).layer(session_layer()));
    for (path, status) in [("/ok", StatusCode::INTERNAL_SERVER_ERROR), ("/fail", StatusCode::BAD_GATEWAY)] {
        let mut browser = Browser::default();
        browser.get(&site, "/in");
        let response = browser.get(&site, path);
        assert_eq!(response.status(), status, "{path}");
        assert_ne!(response.body().as_ref(), b"saved", "{path}");
        assert!(set_cookies(&response).is_empty(), "{path}");
        assert_eq!(browser.get(&site, "/").body().as_ref(), b"ann", "{path}: nothing was committed");
    }
}

/// A body that uses the session while it streams.
fn streaming(session: Session, during: impl Fn(&Session) + Send + Unpin + 'static) -> Body {
    let frames = (0..3).map(move |index| {
        if index == 1 {
            during(&session);
        }
        Ok::<_, Error>(Bytes::from_static(b"x"))
    });
    Body::new(http_body_util::StreamBody::new(Frames(frames)))
}

struct Frames<I>(I);

impl<I: Iterator<Item = Result<Bytes, Error>> + Unpin> futures_core::Stream for Frames<I> {
    type Item = Result<http_body::Frame<Bytes>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(|item| item.map(http_body::Frame::data)))
    }
}

#[test]
fn a_body_that_changes_the_session_causes_a_warning_and_can_commit() {
    async fn streams(session: Session) -> Body {
        session.insert("user", "ann").unwrap();
        streaming(session, |session| {
            session.insert("user", "bob").unwrap();
            let error = at_once(session.commit_now()).unwrap_err();
            assert!(error.is_headers_sent(), "{error}");
        })
    }
    let site = Site::new(router().route("/stream", get(streams)).layer(session_layer()));
    let mut browser = Browser::default();
    let (response, events) = traced(|| browser.get(&site, "/stream"));
    assert_eq!(response.body().as_ref(), b"xxx");
    assert_eq!(set_cookies(&response).len(), 1, "changes before the headers were committed");
    assert_eq!(browser.get(&site, "/").body().as_ref(), b"ann");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].level, tracing::Level::WARN);
    assert!(events[0].message.contains("commit_now"), "{events:?}");
}

#[test]
fn a_body_that_opens_the_session_causes_a_warning() {
    async fn streams(axum::Extension(slot): axum::Extension<cloakroom_session::adapter::SessionSlot>) -> Body {
        let session = std::sync::OnceLock::new();
        streaming(Session::for_tests(), move |_| {
            let session = session.get_or_init(|| at_once(slot.open(CookieHeader::default())).unwrap());
            session.insert("user", "bob").unwrap();
        })
    }
    let site = Site::new(router().route("/stream", get(streams)).layer(session_layer()));
    let (response, events) = traced(|| Browser::default().get(&site, "/stream"));
    assert!(set_cookies(&response).is_empty());
    assert_eq!(events.len(), 1, "the loss is reported: {events:?}");
}

/// Runs a future that never waits to completion.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn the_body_of_an_error_is_complete() {
    let service = router().layer(session_layer());
    let response = run(service.oneshot(request("GET", "/much").body(Body::empty()).unwrap())).unwrap();
    let body = response.into_body();
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(21));
    assert_eq!(run(body.collect()).unwrap().to_bytes().len(), 21);
}
