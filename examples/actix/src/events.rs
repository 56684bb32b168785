//! Server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use cloakroom::Session;
use futures_util::stream::unfold;
use tokio::time::{Interval, interval};

use crate::steps::step;

const PACE: Duration = Duration::from_millis(50);

/// Sends an event for each step until the session ends.
pub(crate) async fn events(session: Session) -> HttpResponse {
    // A new session must get its cookie with this response: the response can't set one later.
    if session.is_new() {
        session.changed();
    }
    let events = unfold(Some((session, interval(PACE))), next);
    HttpResponse::Ok().content_type("text/event-stream").streaming(events)
}

type Place = Option<(Session, Interval)>;

async fn next(place: Place) -> Option<(Result<Bytes, Infallible>, Place)> {
    let (session, mut interval) = place?;
    interval.tick().await;
    match step(&session).await {
        Ok(Some(words)) => Some((Ok(format!("data: {words}\n\n").into()), Some((session, interval)))),
        // Without this event the browser would reconnect by itself.
        Ok(None) => Some((Ok(Bytes::from_static(b"event: ended\ndata:\n\n")), None)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "events broken off");
            None
        }
    }
}
