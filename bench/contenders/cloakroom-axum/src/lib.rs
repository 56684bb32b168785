//! Cloakroom on axum.

use axum::Router;
use axum::extract::{Path, Request};
use axum::routing::{get, post};
use bench_harness::{Contents, Storage, slow_work};
use bench_on_axum::{Application, OnAxum};
use cloakroom::{CsrfLayer, Engine, Error, Session, SessionLayer};
use tower::layer::layer_fn;

pub type Peer = OnAxum<Library>;

pub struct Library;

impl Application for Library {
    async fn router(storage: Storage) -> Option<Router> {
        Some(match bench_sessions::engine(storage).await {
            Some(engine) => with(engine),
            None if storage == Storage::EmptyLayer => pages().layer(layer_fn(Empty)),
            None => pages(),
        })
    }
}

/// Only the routes that need the CSRF check have it, as in the other contenders.
fn with(engine: Engine) -> Router {
    let checked = Router::new()
        .route("/token", get(async |session: Session| session.csrf_token().map(|token| token.expose().to_owned())))
        .route("/post", post(async || "posted"))
        .layer(CsrfLayer::new(bench_sessions::rules()));
    pages().merge(checked).layer(SessionLayer::from_engine(engine))
}

/// A layer that does nothing.
#[derive(Clone)]
struct Empty<S>(S);

impl<S: tower::Service<Request>> tower::Service<Request> for Empty<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.0.call(request)
    }
}

fn pages() -> Router {
    Router::new()
        .route("/untouched", get(async || "hello"))
        .route(
            "/fill/{contents}",
            get(async |session: Session, Path(contents): Path<String>| {
                session.extend(Contents::named(&contents).entries())?;
                session.insert("count", 1)
            }),
        )
        .route("/new", get(async |session: Session| session.insert("count", 1).map(|()| "new")))
        .route(
            "/read",
            get(async |session: Session| {
                session.get::<u64>("count").map(|count| if count.is_some() { "known" } else { "unknown" })
            }),
        )
        .route(
            "/write",
            get(async |session: Session| {
                let count = session.get::<u64>("count")?.unwrap_or_default();
                session.insert("count", count + 1)?;
                Ok::<_, Error>("written")
            }),
        )
        .route(
            "/flash",
            get(async |session: Session| {
                session.flash("Saved");
                "flashed"
            }),
        )
        .route(
            "/pop",
            get(async |session: Session| {
                let messages: Vec<String> = session.pop_flash();
                assert_eq!(messages, ["Saved"]);
                Ok::<_, Error>("popped")
            }),
        )
        .route(
            "/slow-count",
            get(async |session: Session| {
                session.get::<u64>("count")?;
                slow_work().await;
                session.update("count", |count: &mut u64| *count += 1)?;
                Ok::<_, Error>("counted")
            }),
        )
        .route(
            "/slow-key/{key}",
            get(async |session: Session, Path(key): Path<String>| {
                session.get::<u64>("count")?;
                slow_work().await;
                session.insert(key.as_str(), true).map(|()| "set")
            }),
        )
        .route(
            "/count",
            get(async |session: Session| session.get::<u64>("count").map(|it| it.unwrap_or_default().to_string())),
        )
        .route(
            "/has/{key}",
            get(async |session: Session, Path(key): Path<String>| session.contains_key(key.as_str()).to_string()),
        )
        .route(
            "/login",
            get(async |session: Session| {
                session.cycle_id();
                session.insert("user", true).map(|()| "welcome")
            }),
        )
        .route(
            "/logout",
            get(async |session: Session| {
                session.invalidate();
                "good bye"
            }),
        )
}

/// Runs the rows. Here, so that both programs share the compiled code.
pub fn run() {
    bench_harness::main::<Peer>();
}

/// Counts the allocations and the bytes of each row.
pub fn count_allocations(measure: fn(&mut dyn FnMut()) -> (u64, u64)) {
    bench_harness::allocations::<Peer>(measure);
}
