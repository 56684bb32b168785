//! Sign-in, "remember me", sign-out, and ending a session without a message.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::{get, post};
use cloakroom::for_axum::CheckedForm;
use cloakroom::{Error, Message, Session};
use serde::Deserialize;

use crate::devices;
use crate::keys::VISITOR;
use crate::page::{Frame, Page};
use crate::state::AppState;

const REMEMBERED: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Maximum length of a name in characters: the session must fit into its cookie.
const LONGEST: usize = 60;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/sign-in", get(form).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/hand-in", post(hand_in))
        .route("/handed-in", get(handed_in))
}

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    longest: usize,
}

async fn form(frame: Frame) -> Page<SignIn> {
    Page(SignIn { frame, longest: LONGEST })
}

/// The sign-in form. The page never sends the password: this is a demo.
#[derive(Debug, Deserialize)]
struct Credentials {
    name: String,
    remember: Option<String>,
}

async fn sign_in(
    State(state): State<AppState>,
    session: Session,
    headers: HeaderMap,
    CheckedForm(form): CheckedForm<Credentials>,
) -> Result<Redirect, Error> {
    let name = form.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST {
        session.flash(Message::error(format!("Please give us a name of 1 to {LONGEST} characters.")));
        return Ok(Redirect::to("/sign-in"));
    }
    // The id and the CSRF token change, so that those planted or seen before become useless.
    session.sign_in(name);
    if state.binds() {
        session.bind_device()?;
    }
    session.set_label(&devices::label(&headers));
    session.insert(VISITOR, name.to_owned())?;
    if form.remember.is_some() {
        session.remember(REMEMBERED);
    }
    session.flash(Message::success(format!("Good evening, {name}. You have been given a new ticket.")));
    Ok(Redirect::to("/"))
}

async fn sign_out(session: Session) -> Result<Redirect, Error> {
    session.invalidate();
    // A write after the end starts another session, with another id, that contains only this
    // message.
    session.flash(Message::info("You have signed out. Mind the step."));
    Ok(Redirect::to("/"))
}

/// Nothing is written after the end, so the response removes the cookie.
async fn hand_in(session: Session) -> Redirect {
    session.invalidate();
    Redirect::to("/handed-in")
}

#[derive(Debug, Template)]
#[template(path = "handed_in.html")]
struct HandedIn {
    frame: Frame,
}

/// A page that doesn't open the session, and therefore starts none.
async fn handed_in() -> Page<HandedIn> {
    Page(HandedIn { frame: Frame::bare() })
}
