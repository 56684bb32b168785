//! The session as the server sees it: its cookie's bytes, what they decode to, how full, how long, and what is secret.

mod anatomy;
mod time;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Redirect;
use axum::routing::{get, post};
use cloakroom::axum::CheckedForm;
use cloakroom::{CookieHeader, CookieSessions, Error, MAX_COOKIE, Message, Opened, Rejected, Seal, Session, Timestamp};
use serde::Deserialize;

use self::anatomy::{Anatomy, Part};
use self::time::{Left, ago};
use crate::app::House;
use crate::page::{Frame, Page};

pub(crate) fn routes() -> Router<House> {
    Router::new().route("/inspector", get(inspect)).route("/inspector/note", post(note))
}

#[derive(Debug, Template)]
#[template(path = "inspector.html")]
struct Inspector {
    frame: Frame,
    cookie: String,
    encrypted: bool,
    limit: usize,
    found: Found,
}

/// What the request's cookie turned out to be.
#[derive(Debug)]
enum Found {
    None,
    Rejected(Rejected),
    Session(Box<Report>),
}

#[derive(Debug)]
struct Report {
    store_key: String,
    created: String,
    remembered: bool,
    idle: Left,
    absolute: Left,
    /// Bytes of the cookie's name and value.
    size: usize,
    anatomy: Anatomy,
    /// The record's text form, without the token.
    record: String,
    values: Vec<(String, String)>,
    messages: Vec<(String, String)>,
}

async fn inspect(State(house): State<House>, headers: HeaderMap, frame: Frame) -> Page<Inspector> {
    let found = look_at(&headers, &house.sessions, house.clock.now());
    let cookie = house.sessions.cookie_name().to_owned();
    let encrypted = house.sessions.seal() == Seal::Encrypted;
    Page(Inspector { frame, cookie, encrypted, limit: MAX_COOKIE, found })
}

/// The cookie as the browser sent it, before this request changed anything.
fn look_at(headers: &HeaderMap, sessions: &CookieSessions, now: Timestamp) -> Found {
    let cookies = CookieHeader::new(headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes));
    let mut found = Found::None;
    for value in cookies.last_first(sessions.cookie_name()) {
        match sessions.open_value(value, now) {
            Ok(opened) => return Found::Session(Box::new(report(value, &opened, sessions, now))),
            Err(why) => found = Found::Rejected(why),
        }
    }
    found
}

fn report(value: &str, opened: &Opened, sessions: &CookieSessions, now: Timestamp) -> Report {
    let record = &opened.record;
    let clockwork = record.clockwork();
    let token = record.csrf().map(|token| token.expose()).unwrap_or_default();
    let secrets = [opened.id.expose(), token.to_owned()];
    let text = record.encode();
    let flashes = record.flashes();
    Report {
        store_key: opened.id.store_key().prefix(),
        created: ago(now.since(clockwork.created)),
        remembered: clockwork.remembered,
        idle: Left::until(clockwork.idle_deadline, clockwork.touched, now),
        absolute: Left::until(clockwork.absolute_deadline, clockwork.created, now),
        size: sessions.cookie_name().len() + value.len(),
        anatomy: Anatomy::of(value, sessions.seal(), &secrets),
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

/// Takes a text of any length, so that one can see what becomes of a session that doesn't fit into its cookie.
async fn note(session: Session, CheckedForm(note): CheckedForm<Note>) -> Result<Redirect, Error> {
    if note.text.trim().is_empty() {
        session.remove("note");
        session.flash(Message::info("The pocket is empty."))?;
    } else {
        session.insert("note", note.text)?;
        session.flash(Message::success("Your note is in the pocket."))?;
    }
    Ok(Redirect::to("/inspector"))
}
