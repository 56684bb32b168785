//! A response that lasts as long as its session.

use std::pin::Pin;
use std::time::Duration;

use cloakroom::{Error, Session};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::Value;

/// Lines, each ending with a line feed.
pub(crate) type Lines = Pin<Box<dyn Stream<Item = String> + Send>>;

const PAUSE: Duration = Duration::from_millis(20);

/// The operations of a stream on its session, apart from checking that it still exists.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Read,
    ReadAndWrite,
}

/// Yields a line after each check of the session: the tick count, and a note that another request
/// wrote.
pub(crate) fn lines(session: Session, used: Use) -> Lines {
    Box::pin(unfold(Some(session), move |session| async move {
        let session = session?;
        tokio::time::sleep(PAUSE).await;
        Some(match tick(&session, used).await {
            Ok(Some(line)) => (line, Some(session)),
            Ok(None) => ("ended\n".to_owned(), None),
            Err(error) if error.is_headers_sent() => ("headers sent\n".to_owned(), None),
            Err(error) => (format!("error: {error}\n"), None),
        })
    }))
}

async fn tick(session: &Session, used: Use) -> Result<Option<String>, Error> {
    if !session.refresh().await? {
        return Ok(None);
    }
    if let Use::ReadAndWrite = used {
        session.update("ticks", |ticks: &mut u64| *ticks += 1)?;
        session.commit_now().await?;
    }
    let [ticks, note] = [session.get::<Value>("ticks")?, session.get("note")?].map(Option::unwrap_or_default);
    Ok(Some(format!("{ticks} {note}\n")))
}
