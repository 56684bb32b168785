//! Signing in and out.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use cloakroom::for_axum::CheckedForm;
use cloakroom::{Message, Session};
use serde::{Deserialize, Serialize};

use crate::devices;
use crate::page::{AppError, Frame, page};
use crate::state::AppState;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/sign-in", get(show).post(sign_in))
        .route("/sign-out", post(sign_out))
}

#[derive(Default, Deserialize, Serialize)]
struct SignIn {
    name: String,
    #[serde(default, skip_serializing)] // never kept in the session
    password: String,
    remember: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Form {
    frame: Frame,
    old: SignIn,
}

async fn show(session: Session, frame: Frame) -> Result<Html<String>, AppError> {
    let old = session
        .flash_queue("sign-in")
        .pop()
        .pop()
        .unwrap_or_default();
    page(&Form { frame, old })
}

async fn sign_in(
    State(state): State<AppState>,
    session: Session,
    headers: HeaderMap,
    CheckedForm(mut form): CheckedForm<SignIn>,
) -> Result<Redirect, AppError> {
    let password = std::mem::take(&mut form.password);
    let Some(user) = state.users.check(form.name.clone(), password).await? else {
        session.flash(Message::error("Name or password is wrong."));
        session.flash_queue("sign-in").push_value(&form)?; // shown again in the form
        return Ok(Redirect::to("/sign-in"));
    };
    session.sign_in(user.id.to_string()); // a new id and a new CSRF token
    session.set_label(&devices::label(&headers));
    if form.remember.is_some() {
        session.remember(30 * DAY);
    }
    session.flash(Message::success(format!("Welcome, {}.", user.name)));
    Ok(Redirect::to("/"))
}

async fn sign_out(session: Session) -> Redirect {
    session.invalidate();
    session.flash(Message::info("You have signed out."));
    Redirect::to("/")
}
