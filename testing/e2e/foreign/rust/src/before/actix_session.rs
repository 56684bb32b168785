use actix_session::{Session, SessionMiddleware, config::PersistentSession, storage::RedisSessionStore};
use actix_web::{App, HttpServer, cookie::Key, cookie::time::Duration, error::Error, web, web::Redirect};
use actix_web_flash_messages::storage::CookieMessageStore;
use actix_web_flash_messages::{FlashMessage, FlashMessagesFramework, IncomingFlashMessages};

#[derive(serde::Deserialize)]
struct SignIn { name: String }

async fn sign_in(session: Session, form: web::Form<SignIn>) -> Result<Redirect, Error> {
    session.renew();
    session.insert("user", &form.name)?;
    FlashMessage::success("Signed in.").send();
    Ok(Redirect::to("/").see_other())
}

async fn home(session: Session, messages: IncomingFlashMessages) -> Result<String, Error> {
    let user: Option<String> = session.get("user")?;
    let messages: Vec<&str> = messages.iter().map(|message| message.content()).collect();
    Ok(format!("{} {}", messages.join(" "), user.unwrap_or_default()))
}

async fn sign_out(session: Session) -> Redirect {
    session.purge();
    Redirect::to("/").see_other()
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = Key::from(std::env::var("COOKIE_KEY")?.as_bytes());       // 64 bytes
    let store = RedisSessionStore::new("redis://127.0.0.1:6379").await?;
    let messages = FlashMessagesFramework::builder(CookieMessageStore::builder(key.clone()).build()).build();
    let lifetime = PersistentSession::default().session_ttl(Duration::weeks(2));
    HttpServer::new(move || {
        App::new()
            .route("/", web::get().to(home))
            .route("/sign-in", web::post().to(sign_in))
            .route("/sign-out", web::post().to(sign_out))
            .wrap(messages.clone())
            .wrap(SessionMiddleware::builder(store.clone(), key.clone()).session_lifecycle(lifetime.clone()).build())
    })
    .bind(("127.0.0.1", 3000))?
    .run()
    .await?;
    Ok(())
}
