//! Sessions for a single-page application: `cargo run -p cloakroom-example-spa`, then
//! <http://127.0.0.1:3000>.
//!
//! The token is in a cookie that scripts may read, as Angular and axios expect it.

mod token_cookie;

use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use cloakroom::{CsrfLayer, CsrfRules, Error, MemoryStore, Session, SessionLayer, StoredSessions, TokenPolicy};
use tokio::net::TcpListener;

const PAGE: &str = include_str!("page.html");

async fn page() -> Html<&'static str> {
    Html(PAGE)
}

async fn todos(session: Session) -> Result<Json<Vec<String>>, Error> {
    Ok(Json(session.get("todos")?.unwrap_or_default()))
}

async fn add(session: Session, Json(todo): Json<String>) -> Result<StatusCode, Error> {
    session.update("todos", move |todos: &mut Vec<String>| todos.push(todo.clone()))?;
    Ok(StatusCode::CREATED)
}

async fn sign_in(session: Session, Json(name): Json<String>) {
    session.sign_in(name);
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `TokenPolicy::WhenUnsure`, the default, asks current browsers for no token at all: they say
    // where a request comes from.
    let rules = CsrfRules::builder().header("X-XSRF-TOKEN").token_policy(TokenPolicy::Always).build()?;
    let app = Router::new()
        .route("/", get(page))
        .route("/todos", get(todos).post(add))
        .route("/sign-in", post(sign_in))
        .layer(middleware::from_fn(token_cookie::send))
        .layer(CsrfLayer::new(rules))
        .layer(SessionLayer::new(StoredSessions::new(MemoryStore::new()).build()?));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
