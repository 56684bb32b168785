//! The smallest axum application that counts visits with Cloakroom. Without the feature `sessions`
//! it only says hello.

use axum::Router;
use axum::routing::get;

#[cfg(feature = "sessions")]
fn application() -> Router {
    use cloakroom::{CookieSessions, Error, Key, Session, SessionLayer};

    let key = Key::new(b"a secret for benchmarks, of 32 bytes or more").expect("long enough");
    let sessions = CookieSessions::signed(key).build().expect("valid options");
    let page = async |session: Session| {
        let visits = session.update("visits", |visits: &mut u64| {
            *visits += 1;
            *visits
        })?;
        Ok::<_, Error>(format!("visit {visits}"))
    };
    Router::new().route("/", get(page)).layer(SessionLayer::new(sessions))
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
