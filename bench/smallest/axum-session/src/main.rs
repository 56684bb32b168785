//! The smallest axum application that counts visits with axum_session. Without the feature
//! `sessions` it only says hello.

use axum::Router;
use axum::routing::get;

#[cfg(feature = "sessions")]
async fn application() -> Router {
    use axum_session::{Session, SessionConfig, SessionLayer, SessionNullPool, SessionStore};

    let page = async |session: Session<SessionNullPool>| {
        let visits = session.get::<u64>("visits").unwrap_or_default() + 1;
        session.set("visits", visits);
        format!("visit {visits}")
    };
    let store = SessionStore::<SessionNullPool>::new(None, SessionConfig::default()).await.expect("a store");
    Router::new().route("/", get(page)).layer(SessionLayer::new(store))
}

#[cfg(not(feature = "sessions"))]
async fn application() -> Router {
    Router::new().route("/", get(async || "hello"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, application().await).await
}
