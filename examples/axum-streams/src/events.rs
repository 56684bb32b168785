//! Server-sent events.

use std::future::ready;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::Event;
use cloakroom::{Error, Session};
use futures_util::StreamExt as _;
use futures_util::stream::{Stream, once, try_unfold};
use tokio::time::{Interval, interval};

use crate::steps::step;

const PACE: Duration = Duration::from_millis(50);

/// Sends an event for each step until the session ends.
pub(crate) async fn events(session: Session) -> Sse<impl Stream<Item = Result<Event, Error>>> {
    // A new session must get its cookie with this response: the response can't set one later.
    if session.is_new() {
        session.changed();
    }
    let ended = session.ended();
    let steps = try_unfold((session, interval(PACE)), next);
    // Without the last event the browser would reconnect by itself.
    let farewell = once(ready(Ok(Event::default().event("ended").data(""))));
    Sse::new(steps.take_until(ended).chain(farewell))
}

type Place = (Session, Interval);

async fn next((session, mut interval): Place) -> Result<Option<(Event, Place)>, Error> {
    interval.tick().await;
    let words = step(&session).await.inspect_err(|error| {
        tracing::error!(error = error as &dyn std::error::Error, "events broken off");
    })?;
    Ok(words.map(|words| (Event::default().data(words), (session, interval))))
}
