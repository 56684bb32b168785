//! The smallest axum application that counts visits with tower-sessions. Without the feature
//! `sessions` it only says hello.

use axum::Router;
use axum::routing::get;

#[cfg(feature = "sessions")]
fn application() -> Router {
    use axum::http::StatusCode;
    use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

    let page = async |session: Session| {
        let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
        let visits = session.get::<u64>("visits").await.map_err(failed)?.unwrap_or_default() + 1;
        session.insert("visits", visits).await.map_err(failed)?;
        Ok::<_, StatusCode>(format!("visit {visits}"))
    };
    Router::new().route("/", get(page)).layer(SessionManagerLayer::new(MemoryStore::default()))
}

#[cfg(not(feature = "sessions"))]
fn application() -> Router {
    Router::new().route("/", get(async || "hello"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, application()).await
}
