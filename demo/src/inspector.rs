//! The session as the server sees it: its record or the bytes of its cookie, its size, its
//! remaining lifetime, and its secrets.

mod anatomy;
mod time;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Redirect;
use axum::routing::{get, post};
use cloakroom::factory::{CookieHeader, MAX_COOKIE, Record, Seal, SessionId};
use cloakroom::for_axum::CheckedForm;
use cloakroom::store::{Loaded, Store as _};
use cloakroom::{AnyStore, CookieSessions, Error, Message, Session, StoredSessions, Timestamp};
use serde::Deserialize;

use self::anatomy::{Anatomy, Part};
use self::time::Left;
pub(crate) use self::time::ago;
use crate::page::{Frame, Page};
use crate::session_backend::SessionBackend;
use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/inspector", get(inspect)).route("/inspector/note", post(note))
}

#[derive(Debug, Template)]
#[template(path = "inspector.html")]
struct Inspector {
    frame: Frame,
    cookie: String,
    kind: Kind,
    limit: usize,
    found: Found,
}

/// The place where sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signed,
    Encrypted,
    Stored,
}

/// The state of the cookie in the request.
#[derive(Debug)]
enum Found {
    None,
    /// The cookie was rejected, with the reason.
    Rejected(String),
    Session(Box<Report>),
}

#[derive(Debug)]
struct Report {
    store_key: String,
    /// The version in the store, which counts writes and prevents lost updates. `None` without a
    /// store.
    version: Option<u64>,
    created: String,
    touched: String,
    remembered: bool,
    idle: Left,
    absolute: Left,
    /// Size in bytes: of the cookie's name and value, or of the record in the store.
    size: usize,
    anatomy: Option<Anatomy>,
    /// The record's text form, without the token.
    record: String,
    values: Vec<(String, String)>,
    messages: Vec<(String, String)>,
}

async fn inspect(State(state): State<AppState>, headers: HeaderMap, frame: Frame) -> Result<Page<Inspector>, Error> {
    let cookies = CookieHeader::new(headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes));
    let now = state.clock.now();
    let (kind, found) = match &state.backend {
        SessionBackend::Cookies(sessions) => {
            let kind = if sessions.seal() == Seal::Encrypted { Kind::Encrypted } else { Kind::Signed };
            (kind, in_cookie(&cookies, sessions, now))
        }
        SessionBackend::Store(sessions) => (Kind::Stored, in_store(&cookies, sessions, now).await?),
    };
    let cookie = state.backend.cookie_name().to_owned();
    Ok(Page(Inspector { frame, cookie, kind, limit: MAX_COOKIE, found }))
}

/// Inspects the cookie as the browser sent it, before this request changed anything.
fn in_cookie(cookies: &CookieHeader<'_>, sessions: &CookieSessions, now: Timestamp) -> Found {
    let mut found = Found::None;
    for candidate in cookies.clone().candidates(sessions.cookie_name()) {
        match candidate.and_then(|value| sessions.open_value(value, now).map(|opened| (value, opened))) {
            Ok((value, opened)) => {
                let mut report = report(opened.id, &opened.record, now);
                let token = opened.record.csrf().map(|token| token.expose().to_owned()).unwrap_or_default();
                report.size = sessions.cookie_name().len() + value.len();
                report.anatomy = Some(Anatomy::of(value, sessions.seal(), &[opened.id.expose(), token]));
                return Found::Session(Box::new(report));
            }
            Err(why) => found = Found::Rejected(why.to_string()),
        }
    }
    found
}

/// Inspects the record in the store, before this request changed anything.
async fn in_store(
    cookies: &CookieHeader<'_>,
    sessions: &StoredSessions<AnyStore>,
    now: Timestamp,
) -> Result<Found, Error> {
    let Some(value) = cookies.clone().last_first(sessions.cookie_name()).next() else { return Ok(Found::None) };
    let begun = SessionId::parse(value);
    let Some(id) = begun.or_else(|| SessionId::parse_reserved(value)) else {
        return Ok(Found::Rejected("it isn’t an id of ours".to_owned()));
    };
    let key = id.store_key();
    Ok(match sessions.store().load(&key, now).await? {
        Loaded::Live(version, entry) => {
            let record = entry.record(&key)?;
            let mut report = report(id, &record, now);
            report.size = entry.text().len();
            report.version = Some(version.writes());
            Found::Session(Box::new(report))
        }
        Loaded::Moved => Found::Rejected("the session has had another id for a moment".to_owned()),
        // The visitor has only seen a form.
        Loaded::Absent if begun.is_none() => Found::None,
        Loaded::Absent => Found::Rejected("the store has no session under it".to_owned()),
    })
}

fn report(id: SessionId, record: &Record, now: Timestamp) -> Report {
    let times = record.times();
    let token = record.csrf().map(|token| token.expose()).unwrap_or_default();
    let text = record.encode();
    let flashes = record.flashes();
    Report {
        store_key: id.store_key().prefix(),
        version: None,
        created: ago(now.since(times.created)),
        touched: ago(now.since(times.touched)),
        remembered: times.remembered,
        idle: Left::until(times.idle_deadline, times.touched, now),
        absolute: Left::until(times.absolute_deadline, times.created, now),
        size: text.len(),
        anatomy: None,
        record: if token.is_empty() { text } else { text.replace(token, &"•".repeat(token.len())) },
        values: record.entries().map(|(key, value)| (key.to_owned(), value.as_str().to_owned())).collect(),
        messages: flashes
            .flat_map(|(queue, messages)| {
                messages.into_iter().map(move |it| (queue.to_owned(), it.as_str().to_owned()))
            })
            .collect(),
    }
}

#[derive(Debug, Deserialize)]
struct Note {
    text: String,
}

/// Accepts a note of any length, to demonstrate a session that doesn't fit into its cookie.
async fn note(session: Session, CheckedForm(note): CheckedForm<Note>) -> Result<Redirect, Error> {
    if note.text.trim().is_empty() {
        session.remove("note");
        session.flash(Message::info("The pocket is empty."));
    } else {
        session.insert("note", note.text)?;
        session.flash(Message::success("Your note is in the pocket."));
    }
    Ok(Redirect::to("/inspector"))
}
