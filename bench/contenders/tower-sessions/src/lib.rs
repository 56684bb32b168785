//! tower-sessions on axum.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use bench_harness::{Ask, Contender, Contents, Keep};
use tower::ServiceExt as _;
use tower_sessions::session::Error;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

pub struct Peer;

impl Contender for Peer {
    type App = Router;
    type Response = Response;

    async fn app(keep: Keep) -> Option<Router> {
        match keep {
            Keep::Nothing => Some(pages()),
            Keep::Memory => Some(pages().layer(SessionManagerLayer::new(MemoryStore::default()))),
            Keep::EmptyLayer | Keep::Signed | Keep::Encrypted => None,
        }
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

async fn fill(session: Session, contents: Contents) {
    fallible(async {
        for (key, value) in contents.entries() {
            session.insert(&key, value).await?;
        }
        session.insert("count", 1).await
    })
    .await;
}

/// Its errors aren't responses.
async fn fallible<T>(work: impl Future<Output = Result<T, Error>>) -> T {
    work.await.expect("a store that answers")
}

fn pages() -> Router {
    Router::new()
        .route("/untouched", get(async || "hello"))
        .route("/fill/small", get(async |session: Session| fill(session, Contents::Small).await))
        .route("/fill/large", get(async |session: Session| fill(session, Contents::Large).await))
        .route("/fill/many", get(async |session: Session| fill(session, Contents::Many).await))
        .route(
            "/new",
            get(async |session: Session| {
                fallible(session.insert("count", 1)).await;
                "new"
            }),
        )
        .route(
            "/read",
            get(async |session: Session| {
                let count = fallible(session.get::<u64>("count")).await;
                if count.is_some() { "known" } else { "unknown" }
            }),
        )
        .route(
            "/write",
            get(async |session: Session| {
                let count = fallible(session.get::<u64>("count")).await.unwrap_or_default();
                fallible(session.insert("count", count + 1)).await;
                "written"
            }),
        )
        // It has no flash messages: this is what its users write.
        .route(
            "/flash",
            get(async |session: Session| {
                let mut messages = fallible(session.get::<Vec<String>>("_flash")).await.unwrap_or_default();
                messages.push("Saved".to_owned());
                fallible(session.insert("_flash", messages)).await;
                "flashed"
            }),
        )
        .route(
            "/pop",
            get(async |session: Session| {
                let messages = fallible(session.remove::<Vec<String>>("_flash")).await.unwrap_or_default();
                assert_eq!(messages, ["Saved"]);
                "popped"
            }),
        )
}
