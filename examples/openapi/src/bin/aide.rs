//! Handlers with sessions, documented with aide:
//! `cargo run -p cloakroom-example-openapi --bin aide`, then
//! <http://127.0.0.1:3000/openapi.json>.
//!
//! The feature `aide` of cloakroom documents the extractors. The application says which operations
//! need a user.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::openapi::{ApiKeyLocation, OpenApi, SecurityScheme};
use aide::transform::TransformOperation;
use axum::routing::get;
use axum::{Extension, Json};
use cloakroom::for_axum::CheckedForm;
use cloakroom::{CsrfLayer, CsrfRules, Error, MemoryStore, Session, SessionKey, SessionLayer, StoredSessions};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;

const ORDERS: SessionKey<Vec<String>> = SessionKey::new("orders");

/// An order.
#[derive(Deserialize, JsonSchema)]
struct Order {
    /// The name of the item.
    item: String,
}

async fn sign_in(session: Session, Json(name): Json<String>) {
    session.sign_in(name);
}

async fn orders(session: Session) -> Result<Json<Vec<String>>, Error> {
    session.require_owner()?;
    Ok(Json(session.get(ORDERS)?.unwrap_or_default()))
}

async fn order(session: Session, CheckedForm(order): CheckedForm<Order>) -> Result<(), Error> {
    session.require_owner()?;
    session.update(ORDERS, move |orders: &mut Vec<String>| orders.push(order.item.clone()))
}

/// An operation for users who have signed in.
fn for_users(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation.security_requirement("session")
}

async fn description(Extension(api): Extension<Arc<OpenApi>>) -> Json<OpenApi> {
    Json(OpenApi::clone(&api))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sessions = StoredSessions::new(MemoryStore::new()).build()?;
    let cookie = SecurityScheme::ApiKey {
        location: ApiKeyLocation::Cookie,
        name: sessions.cookie_name().to_owned(),
        description: Some("The session, after signing in.".to_owned()),
        extensions: Default::default(),
    };
    let mut api = OpenApi::default();
    let app = ApiRouter::new()
        .api_route("/sign-in", post_with(sign_in, |operation| operation.summary("Sign in")))
        .api_route("/orders", get_with(orders, for_users).post_with(order, for_users))
        .route("/openapi.json", get(description))
        .finish_api_with(&mut api, |api| api.title("Orders").security_scheme("session", cookie))
        .layer(Extension(Arc::new(api)))
        .layer(CsrfLayer::new(CsrfRules::default()))
        .layer(SessionLayer::new(sessions));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
