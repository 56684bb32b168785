//! The routes and layers, and the state that handlers share.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use cloakroom::{CsrfLayer, CsrfRules, SessionLayer, SqliteStore, StoredSessions};

use crate::page::Refused;
use crate::users::Users;
use crate::{devices, page, sign_in};

#[derive(Clone)]
pub struct State {
    pub users: Users,
    pub sessions: Arc<StoredSessions<SqliteStore>>,
}

impl State {
    /// Opens the databases in this folder, and creates missing ones.
    pub fn open(folder: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let store = SqliteStore::open(folder.join("sessions.db"))?;
        let sessions = Arc::new(StoredSessions::new(store).build()?);
        Ok(Self {
            users: Users::open(&folder.join("users.db"))?,
            sessions,
        })
    }
}

pub fn app(state: State) -> Router {
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
