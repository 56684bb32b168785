//! The user's sessions, and signing out elsewhere.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, Redirect};
use axum::routing::{delete, get, post};
use cloakroom::{Message, Session, Sessions};

use crate::page::{AppError, Frame, SignedIn, page};
use crate::state::AppState;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/devices", get(show))
        .route("/devices/{prefix}", delete(end))
        .route("/devices/end-others", post(end_others))
}

struct Device {
    prefix: String,
    label: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "devices.html")]
struct Page {
    frame: Frame,
    devices: Vec<Device>,
}

async fn show(
    SignedIn(user): SignedIn,
    State(state): State<AppState>,
    session: Session,
    frame: Frame,
) -> Result<Html<String>, AppError> {
    let found = Sessions::new(state.sessions)
        .list(&user.id.to_string())
        .await?;
    let device = |it: cloakroom::SessionInfo| Device {
        prefix: it.prefix(),
        is_current: it.is_current(&session),
        label: it.label.unwrap_or_else(|| "A browser".to_owned()),
    };
    page(&Page {
        frame,
        devices: found.into_iter().map(device).collect(),
    })
}

/// Ends one session. The button is htmx's: the empty response replaces its row of the list.
async fn end(
    SignedIn(user): SignedIn,
    State(state): State<AppState>,
    Path(prefix): Path<String>,
) -> Result<&'static str, AppError> {
    Sessions::new(state.sessions)
        .end(&user.id.to_string(), &prefix)
        .await?;
    Ok("")
}

async fn end_others(
    SignedIn(user): SignedIn,
    State(state): State<AppState>,
    session: Session,
) -> Result<Redirect, AppError> {
    let ended = Sessions::new(Arc::clone(&state.sessions))
        .end_others(&user.id.to_string(), &session)
        .await?;
    session.flash(Message::success(format!("Signed out elsewhere: {ended}.")));
    Ok(Redirect::to("/devices"))
}

/// Derives the name of a device from `User-Agent`. It has only fixed words, no text of the header.
pub fn label(headers: &HeaderMap) -> String {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let find = |names: &[&'static str], other| {
        names
            .iter()
            .copied()
            .find(|name| agent.contains(name))
            .unwrap_or(other)
    };
    // Browsers also name their predecessors, so the first match counts.
    let browser = find(&["Edg", "Firefox", "Chrome", "Safari", "curl"], "A browser");
    match find(&["iPhone", "Android", "Windows", "Mac OS X", "Linux"], "") {
        "" => browser.to_owned(),
        system => format!("{browser} on {system}"),
    }
}
