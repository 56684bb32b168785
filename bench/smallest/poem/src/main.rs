//! The smallest poem application that counts visits with poem's sessions. Without the feature
//! `sessions` it only says hello.

use poem::listener::TcpListener;
use poem::{Route, Server, get, handler};

#[cfg(feature = "sessions")]
fn application() -> impl poem::Endpoint {
    use poem::EndpointExt as _;
    use poem::session::{CookieConfig, CookieSession, Session};
    use poem::web::cookie::CookieKey;

    #[handler]
    fn page(session: &Session) -> String {
        let visits = session.get::<u64>("visits").unwrap_or_default() + 1;
        session.set("visits", visits);
        format!("visit {visits}")
    }

    let sessions = CookieSession::new(CookieConfig::signed(CookieKey::from(&[b'k'; 64])));
    Route::new().at("/", get(page)).with(sessions)
}

#[cfg(not(feature = "sessions"))]
fn application() -> Route {
    #[handler]
    fn page() -> &'static str {
        "hello"
    }

    Route::new().at("/", get(page))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    Server::new(TcpListener::bind("127.0.0.1:3000")).run(application()).await
}
