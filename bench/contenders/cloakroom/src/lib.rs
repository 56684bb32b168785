//! Cloakroom on axum.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use bench_harness::{Ask, Contender, Contents, Keep};
use cloakroom::{CookieSessions, Error, Key, MemoryStore, Session, SessionLayer, StoredSessions};
use tower::ServiceExt as _;
use tower::layer::layer_fn;

pub struct Peer;

impl Contender for Peer {
    type App = Router;
    type Response = Response;

    async fn app(keep: Keep) -> Option<Router> {
        let key = || Key::new(b"a secret for benchmarks, of 32 bytes or more").expect("long enough");
        let pages = pages();
        Some(match keep {
            Keep::Nothing => pages,
            Keep::EmptyLayer => pages.layer(layer_fn(Empty)),
            Keep::Memory => {
                let sessions = StoredSessions::new(MemoryStore::new()).build().expect("valid options");
                pages.layer(SessionLayer::new(sessions))
            }
            Keep::Signed => {
                pages.layer(SessionLayer::new(CookieSessions::signed(key()).build().expect("valid options")))
            }
            Keep::Encrypted => {
                pages.layer(SessionLayer::new(CookieSessions::encrypted(key()).build().expect("valid options")))
            }
        })
    }

    async fn call(app: &Router, ask: &Ask<'_>) -> Response {
        let mut request = Request::get(ask.path).body(Body::empty()).expect("a valid request");
        if let Some(cookie) = ask.cookie {
            request.headers_mut().insert(header::COOKIE, HeaderValue::from_str(cookie).expect("ASCII"));
        }
        app.clone().oneshot(request).await.expect("infallible")
    }

    fn read(response: Response) -> (u16, Vec<String>) {
        let lines = response.headers().get_all(header::SET_COOKIE).iter();
        let lines = lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect();
        (response.status().as_u16(), lines)
    }
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

fn fill(session: &Session, contents: Contents) -> Result<(), Error> {
    session.extend(contents.entries())?;
    session.insert("count", 1)
}

fn pages() -> Router {
    Router::new()
        .route("/untouched", get(async || "hello"))
        .route("/fill/small", get(async |session: Session| fill(&session, Contents::Small)))
        .route("/fill/large", get(async |session: Session| fill(&session, Contents::Large)))
        .route("/fill/many", get(async |session: Session| fill(&session, Contents::Many)))
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
        .route("/flash", get(async |session: Session| session.flash("Saved").map(|()| "flashed")))
        .route(
            "/pop",
            get(async |session: Session| {
                let messages: Vec<String> = session.pop_flash("")?;
                assert_eq!(messages, ["Saved"]);
                Ok::<_, Error>("popped")
            }),
        )
}
