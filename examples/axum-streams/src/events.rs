//! Server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::Event;
use cloakroom::{Error, Session};
use futures_util::stream::{Stream, unfold};
use tokio::time::{Interval, interval};

use crate::steps::step;

const PACE: Duration = Duration::from_millis(50);

/// Sends an event for each step until the session ends.
pub(crate) async fn events(session: Session) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Error> {
    // A new session must get its cookie with this response: the response can't set one later.
    if session.is_new() {
        session.changed();
    }
    Ok(Sse::new(unfold(Some((session, interval(PACE))), next)))
}

type Place = Option<(Session, Interval)>;

async fn next(place: Place) -> Option<(Result<Event, Infallible>, Place)> {
    let (session, mut interval) = place?;
    interval.tick().await;
    match step(&session).await {
        Ok(Some(words)) => Some((Ok(Event::default().data(words)), Some((session, interval)))),
        // Without this event the browser would reconnect by itself.
        Ok(None) => Some((Ok(Event::default().event("ended").data("")), None)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "events broken off");
            None
        }
    }
}
