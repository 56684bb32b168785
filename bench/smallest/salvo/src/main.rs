//! The smallest salvo application that counts visits with salvo's sessions. Without the feature
//! `sessions` it only says hello.

use salvo::prelude::*;

#[cfg(feature = "sessions")]
fn application() -> Router {
    use salvo::session::{CookieStore, SessionHandler};

    #[handler]
    async fn page(depot: &mut Depot) -> String {
        let Some(session) = depot.session_mut() else { return "no session".to_owned() };
        let visits = session.get::<u64>("visits").unwrap_or_default() + 1;
        session.insert("visits", visits).map_or_else(|why| why.to_string(), |()| format!("visit {visits}"))
    }

    let secret = b"a secret for benchmarks, which for this library has 64 bytes....";
    let sessions = SessionHandler::builder(CookieStore::new(), secret).build().expect("valid options");
    Router::new().hoop(sessions).get(page)
}

#[cfg(not(feature = "sessions"))]
fn application() -> Router {
    #[handler]
    async fn page() -> &'static str {
        "hello"
    }

    Router::new().get(page)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let acceptor = TcpListener::new("127.0.0.1:3000").bind().await;
    Server::new(acceptor).serve(application()).await;
}
