//! The list of a user's sessions, and revoking them.

mod label;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Redirect;
use axum::routing::{get, post};
use cloakroom::for_axum::CheckedForm;
use cloakroom::{AnyStore, Error, Message, Session, SessionInfo, Sessions};
use serde::Deserialize;

pub(crate) use self::label::label;
use crate::inspector::ago;
use crate::page::{Frame, Page};
use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/devices", get(show))
        .route("/devices/end", post(end))
        .route("/devices/end-others", post(end_others))
}

#[derive(Debug, Template)]
#[template(path = "devices.html")]
struct Devices {
    frame: Frame,
    found: Found,
}

/// The sessions to show on the page.
#[derive(Debug)]
enum Found {
    NobodySignedIn,
    /// The backend can't list other sessions: cookies, or a store without an index of owners.
    Unsupported,
    List(Vec<Line>),
}

/// The binding of a session, if the demo binds sessions.
#[derive(Debug)]
enum Binding {
    None,
    Device { since: String, proven: String },
}

impl Binding {
    fn of(state: &AppState, device: &SessionInfo) -> Option<Self> {
        if !state.binds() {
            return None;
        }
        let now = state.clock.now();
        let times = device.bound_since.zip(device.last_proof);
        Some(times.map_or(Self::None, |(since, proven)| Self::Device {
            since: ago(now.since(since)),
            proven: ago(now.since(proven)),
        }))
    }
}

#[derive(Debug)]
struct Line {
    prefix: String,
    label: String,
    created: String,
    touched: String,
    is_current: bool,
    binding: Option<Binding>,
}

async fn show(State(state): State<AppState>, session: Session, frame: Frame) -> Result<Page<Devices>, Error> {
    let found = match (session.owner(), state.owners()) {
        (None, _) => Found::NobodySignedIn,
        (Some(_), None) => Found::Unsupported,
        (Some(owner), Some(sessions)) => list(&state, &session, &sessions, &owner).await?,
    };
    Ok(Page(Devices { frame, found }))
}

async fn list(state: &AppState, session: &Session, sessions: &Sessions<AnyStore>, owner: &str) -> Result<Found, Error> {
    let devices = match sessions.list(owner).await {
        Err(error) if error.is_unsupported() => return Ok(Found::Unsupported),
        devices => devices?,
    };
    let now = state.clock.now();
    let lines = devices.into_iter().map(|device| Line {
        prefix: device.prefix(),
        created: ago(now.since(device.created)),
        touched: ago(now.since(device.touched)),
        is_current: device.is_current(session),
        binding: Binding::of(state, &device),
        label: device.label.unwrap_or_else(|| "A browser".to_owned()),
    });
    Ok(Found::List(lines.collect()))
}

#[derive(Debug, Deserialize)]
struct Choice {
    device: String,
}

async fn end(
    State(state): State<AppState>,
    session: Session,
    CheckedForm(choice): CheckedForm<Choice>,
) -> Result<Redirect, Error> {
    let (Some(owner), Some(sessions)) = (session.owner(), state.owners()) else {
        return Ok(Redirect::to("/devices"));
    };
    session.flash(if sessions.end(&owner, &choice.device).await? {
        Message::success("That device is signed out.")
    } else {
        Message::info("That device had signed out already.")
    });
    Ok(Redirect::to("/devices"))
}

/// The form contains only the token, which the layer has checked.
async fn end_others(State(state): State<AppState>, session: Session) -> Result<Redirect, Error> {
    let (Some(owner), Some(sessions)) = (session.owner(), state.owners()) else {
        return Ok(Redirect::to("/devices"));
    };
    let message = match sessions.end_others(&owner, &session).await? {
        0 => "You are signed in nowhere else.".to_owned(),
        1 => "One other device was signed out.".to_owned(),
        ended => format!("{ended} other devices were signed out."),
    };
    session.flash(Message::success(message));
    Ok(Redirect::to("/devices"))
}
