//! A thief with a copy of the visitor's session cookie.
//!
//! The demo itself plays the thief: it sends requests to a small application with the same
//! sessions, with some of the cookies that the browser has sent.

use std::convert::Infallible;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::routing::get;
use axum::{Extension, Router};
use cloakroom::{DeviceProof, Error, Session, SessionLayer};
use tower::ServiceExt as _;

use crate::keys::VISITOR;
use crate::page::{Frame, Page};
use crate::state::AppState;

pub(crate) fn routes(sessions: SessionLayer) -> Router<AppState> {
    let victim = Router::new().route("/", get(whoami)).layer(sessions);
    Router::new().route("/stolen", get(show).post(steal)).layer(Extension(Victim(victim)))
}

/// An application with the sessions of the demo, which tells a client's name.
#[derive(Clone, Debug)]
struct Victim(Router);

#[derive(Debug, Template)]
#[template(path = "stolen.html")]
struct Stolen {
    frame: Frame,
    place: Place,
    /// The name of the session's cookie.
    cookie: String,
    /// The address under which the browser sees the demo.
    host: String,
    attempts: Vec<Attempt>,
}

/// The state of the visitor's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The demo can't bind sessions as it was started.
    Unavailable,
    NobodySignedIn,
    /// The browser hasn't registered a key.
    NotBound,
    /// The browser has registered, and the bound cookie isn't required yet.
    NotArmed,
    Bound,
}

impl Place {
    fn of(state: &AppState, session: &Session) -> Self {
        if !state.binds() {
            return Self::Unavailable;
        }
        if session.owner().is_none() {
            return Self::NobodySignedIn;
        }
        match session.proof() {
            DeviceProof::Fresh(_) => Self::Bound,
            DeviceProof::NotArmed => Self::NotArmed,
            DeviceProof::NotBound | DeviceProof::Missing | _ => Self::NotBound,
        }
    }
}

/// A request of the thief and its result.
#[derive(Debug)]
struct Attempt {
    stolen: &'static str,
    /// The answer; `None` if there was no page.
    answer: Option<Answer>,
}

async fn show(State(state): State<AppState>, session: Session, frame: Frame, headers: HeaderMap) -> Page<Stolen> {
    page(&state, &session, frame, &headers, Vec::new())
}

/// The form contains only the token, which the layer has checked.
async fn steal(
    State(state): State<AppState>,
    session: Session,
    frame: Frame,
    Extension(victim): Extension<Victim>,
    headers: HeaderMap,
) -> Page<Stolen> {
    let mut attempts = Vec::new();
    if state.binds() {
        let all = cookies(&headers);
        let alone: Vec<_> = all.iter().copied().filter(|pair| is_named(pair, state.backend.cookie_name())).collect();
        for (stolen, cookies) in [("The session cookie alone", alone), ("Both cookies", all)] {
            attempts.push(Attempt { stolen, answer: victim.ask(&cookies.join("; ")).await });
        }
    }
    page(&state, &session, frame, &headers, attempts)
}

fn page(
    state: &AppState,
    session: &Session,
    frame: Frame,
    headers: &HeaderMap,
    attempts: Vec<Attempt>,
) -> Page<Stolen> {
    let cookie = state.backend.cookie_name().to_owned();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost").to_owned();
    Page(Stolen { frame, place: Place::of(state, session), cookie, host, attempts })
}

impl Victim {
    /// Sends a request with these cookies.
    async fn ask(&self, cookies: &str) -> Option<Answer> {
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_str(cookies).ok()?);
        let response = self.0.clone().oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
        response.extensions().get().cloned()
    }
}

/// The session of a client.
#[derive(Clone, Debug)]
struct Answer {
    /// The name under which the client is signed in.
    visitor: Option<String>,
    proof: DeviceProof,
}

async fn whoami(session: Session) -> Result<Extension<Answer>, Error> {
    Ok(Extension(Answer { visitor: session.get(VISITOR)?, proof: session.proof() }))
}

/// Returns the cookies of a request as `name=value`.
fn cookies(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).map(str::trim).filter(|pair| !pair.is_empty()).collect()
}

fn is_named(pair: &str, name: &str) -> bool {
    pair.split_once('=').is_some_and(|(it, _)| it == name)
}
