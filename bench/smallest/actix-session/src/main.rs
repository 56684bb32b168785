//! The smallest actix-web application that counts visits with actix-session. Without the feature
//! `sessions` it only says hello.

use actix_web::{App, HttpServer, web};

#[cfg(feature = "sessions")]
#[actix_web::main]
async fn main() -> std::io::Result<()> {
    use actix_session::storage::CookieSessionStore;
    use actix_session::{Session, SessionMiddleware};
    use actix_web::Error;
    use actix_web::cookie::Key;

    async fn page(session: Session) -> Result<String, Error> {
        let visits = session.get::<u64>("visits")?.unwrap_or_default() + 1;
        session.insert("visits", visits)?;
        Ok(format!("visit {visits}"))
    }

    let sessions = || SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[b'k'; 64]));
    HttpServer::new(move || App::new().wrap(sessions()).route("/", web::get().to(page)))
        .bind("127.0.0.1:3000")?
        .run()
        .await
}

#[cfg(not(feature = "sessions"))]
#[actix_web::main]
async fn main() -> std::io::Result<()> {
    HttpServer::new(|| App::new().route("/", web::get().to(async || "hello"))).bind("127.0.0.1:3000")?.run().await
}
