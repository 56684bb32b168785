//! axum_session on axum. It can't keep a session in its cookie; without a database it keeps all of them in memory.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use axum_session::{Session as AnySession, SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use bench_harness::{Ask, Contender, Contents, Keep};
use tower::ServiceExt as _;

type Session = AnySession<SessionNullPool>;

pub struct Peer;

impl Contender for Peer {
    type App = Router;
    type Response = Response;

    async fn app(keep: Keep) -> Option<Router> {
        match keep {
            Keep::Nothing => Some(pages()),
            Keep::Memory => {
                let store = SessionStore::<SessionNullPool>::new(None, SessionConfig::default());
                Some(pages().layer(SessionLayer::new(store.await.expect("a store in memory"))))
            }
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

fn fill(session: &Session, contents: Contents) {
    for (key, value) in contents.entries() {
        session.set(&key, value);
    }
    session.set("count", 1);
}

fn pages() -> Router {
    Router::new()
        .route("/untouched", get(async || "hello"))
        .route("/fill/small", get(async |session: Session| fill(&session, Contents::Small)))
        .route("/fill/large", get(async |session: Session| fill(&session, Contents::Large)))
        .route("/fill/many", get(async |session: Session| fill(&session, Contents::Many)))
        .route(
            "/new",
            get(async |session: Session| {
                session.set("count", 1);
                "new"
            }),
        )
        .route(
            "/read",
            get(async |session: Session| if session.get::<u64>("count").is_some() { "known" } else { "unknown" }),
        )
        .route(
            "/write",
            get(async |session: Session| {
                let count = session.get::<u64>("count").unwrap_or_default();
                session.set("count", count + 1);
                "written"
            }),
        )
        // It has no flash messages: this is what its users write.
        .route(
            "/flash",
            get(async |session: Session| {
                let mut messages: Vec<String> = session.get("_flash").unwrap_or_default();
                messages.push("Saved".to_owned());
                session.set("_flash", messages);
                "flashed"
            }),
        )
        .route(
            "/pop",
            get(async |session: Session| {
                let messages: Vec<String> = session.get_remove("_flash").unwrap_or_default();
                assert_eq!(messages, ["Saved"]);
                "popped"
            }),
        )
}
