use axum::{Form, Router, http::StatusCode, response::Redirect, routing::{get, post}};
use axum_messages::{Messages, MessagesManagerLayer};
use std::time::Duration;
use tower_sessions::{ExpiredDeletion, Expiry, Session, SessionManagerLayer};
use tower_sessions_sqlx_store::{SqliteStore, sqlx::SqlitePool};

#[derive(serde::Deserialize)]
struct SignIn { name: String }

async fn sign_in(session: Session, messages: Messages, Form(form): Form<SignIn>) -> Result<Redirect, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    session.cycle_id().await.map_err(failed)?;
    session.insert("user", form.name).await.map_err(failed)?;
    messages.success("Signed in.");
    Ok(Redirect::to("/"))
}

async fn home(session: Session, messages: Messages) -> Result<String, StatusCode> {
    let user: Option<String> = session.get("user").await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let messages: Vec<String> = messages.into_iter().map(|message| message.to_string()).collect();
    Ok(format!("{} {}", messages.join(" "), user.unwrap_or_default()))
}

async fn sign_out(session: Session) -> Result<Redirect, StatusCode> {
    session.flush().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Redirect::to("/"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = SqliteStore::new(SqlitePool::connect("sqlite://sessions.db?mode=rwc").await?);
    store.migrate().await?;
    let deletion = tokio::spawn(store.clone().continuously_delete_expired(Duration::from_secs(60)));

    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .layer(MessagesManagerLayer)
        .layer(SessionManagerLayer::new(store).with_expiry(Expiry::OnInactivity(time::Duration::weeks(2))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap() }).await?;
    deletion.abort();
    Ok(())
}
