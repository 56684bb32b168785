//! A response that goes on for as long as its session does.

use std::pin::Pin;
use std::time::Duration;

use cloakroom::{Error, Session};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::Value;

/// A line at a time, each ending with a line feed.
pub(crate) type Lines = Pin<Box<dyn Stream<Item = String> + Send>>;

const PAUSE: Duration = Duration::from_millis(20);

/// A line for each time that it looked at the session: how often it did, and what others left there.
pub(crate) fn lines(session: Session) -> Lines {
    Box::pin(unfold(Some(session), |session| async {
        let session = session?;
        tokio::time::sleep(PAUSE).await;
        Some(match tick(&session).await {
            Ok(Some(line)) => (line, Some(session)),
            Ok(None) => ("ended\n".to_owned(), None),
            Err(error) if error.is_headers_sent() => ("headers sent\n".to_owned(), None),
            Err(error) => (format!("error: {error}\n"), None),
        })
    }))
}

async fn tick(session: &Session) -> Result<Option<String>, Error> {
    if !session.refresh().await? {
        return Ok(None);
    }
    let tick = |ticks: &mut u64| {
        *ticks += 1;
        *ticks
    };
    let (ticks, note) = (session.update("ticks", tick)?, session.get::<Value>("note")?.unwrap_or_default());
    session.commit_now().await?;
    Ok(Some(format!("{ticks} {note}\n")))
}
