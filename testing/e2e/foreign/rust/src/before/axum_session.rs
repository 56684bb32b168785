use axum::{Form, Router, response::Redirect, routing::{get, post}};
use axum_session::{SessionConfig, SessionLayer, SessionNullPool, SessionStore};

type Session = axum_session::Session<SessionNullPool>;                  // or a pool of axum_session_sqlx

#[derive(serde::Deserialize)]
struct SignIn { name: String }

async fn sign_in(session: Session, Form(form): Form<SignIn>) -> Redirect {
    session.renew();
    session.set("user", form.name);
    session.set("message", "Signed in.");
    Redirect::to("/")
}

async fn home(session: Session) -> String {
    let message: Option<String> = session.get_remove("message");
    let user: Option<String> = session.get("user");
    format!("{} {}", message.unwrap_or_default(), user.unwrap_or_default())
}

async fn sign_out(session: Session) -> Redirect {
    session.destroy();
    Redirect::to("/")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = SessionStore::<SessionNullPool>::new(None, SessionConfig::default()).await?;

    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .layer(SessionLayer::new(store));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap() }).await?;
    Ok(())
}
