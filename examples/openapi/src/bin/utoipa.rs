//! Handlers with sessions, documented with utoipa:
//! `cargo run -p cloakroom-example-openapi --bin utoipa`, then
//! <http://127.0.0.1:3000/openapi.json>.
//!
//! utoipa ignores arguments that it doesn't know. The application declares the cookie, and names it
//! at the operations that need a user.

use axum::routing::{get, post};
use axum::{Json, Router};
use cloakroom::{CsrfLayer, CsrfRules, Error, MemoryStore, Session, SessionKey, SessionLayer, StoredSessions};
use tokio::net::TcpListener;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};

const ORDERS: SessionKey<Vec<String>> = SessionKey::new("orders");

#[derive(utoipa::OpenApi)]
#[openapi(info(title = "Orders"), paths(sign_in, orders, order))]
struct Description;

/// Sign in
#[utoipa::path(post, path = "/sign-in", request_body = String, responses((status = 200)))]
async fn sign_in(session: Session, Json(name): Json<String>) {
    session.sign_in(name);
}

#[utoipa::path(
    get,
    path = "/orders",
    responses((status = 200, body = Vec<String>), (status = 403, description = "Sign in first.")),
    security(("session" = []))
)]
async fn orders(session: Session) -> Result<Json<Vec<String>>, Error> {
    session.require_owner()?;
    Ok(Json(session.get(ORDERS)?.unwrap_or_default()))
}

#[utoipa::path(
    post,
    path = "/orders",
    request_body = String,
    responses((status = 200), (status = 403, description = "Sign in first, or send the request from this site.")),
    security(("session" = []))
)]
async fn order(session: Session, Json(item): Json<String>) -> Result<(), Error> {
    session.require_owner()?;
    session.update(ORDERS, move |orders: &mut Vec<String>| orders.push(item.clone()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sessions = StoredSessions::new(MemoryStore::new()).build()?;
    let mut api = Description::openapi();
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(sessions.cookie_name())));
    api.components.get_or_insert_default().add_security_scheme("session", cookie);
    let app = Router::new()
        .route("/sign-in", post(sign_in))
        .route("/orders", get(orders).post(order))
        .route("/openapi.json", get(async move || Json(api)))
        .layer(CsrfLayer::new(CsrfRules::default()))
        .layer(SessionLayer::new(sessions));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
