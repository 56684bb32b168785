//! The routes and layers.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use cloakroom::{CsrfLayer, CsrfRules, SessionLayer};

use crate::page::Refused;
use crate::state::AppState;
use crate::{devices, page, sign_in};

pub fn app(state: AppState) -> Router {
    let csrf =
        CsrfLayer::new(CsrfRules::default()).on_refusal(|refusal, _| Refused::response(refusal));
    Router::new()
        .route("/", get(page::home))
        .merge(sign_in::routes())
        .merge(devices::routes())
        .layer(csrf)
        .layer(SessionLayer::new(Arc::clone(&state.sessions))) // added last: the outermost
        .route("/htmx.js", get(htmx)) // without a session
        .with_state(state)
}

async fn htmx() -> ([(axum::http::HeaderName, &'static str); 2], &'static str) {
    let headers = [
        (CONTENT_TYPE, "text/javascript"),
        (CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, include_str!("../assets/htmx.min.js"))
}
