//! The shared part of long responses: a step, and its counters.
//!
//! The session of a response is committed before the first byte. A stream or a socket commits its
//! own later changes, and checks periodically that the session still exists. `step` does both.

use cloakroom::{Error, Session, SessionKey};

const STEPS: SessionKey<u32> = SessionKey::new("steps");
pub(crate) const NOTES: SessionKey<u32> = SessionKey::new("notes");

/// Makes one step of a stream. Returns the text to send, or `None` if the session has ended.
pub(crate) async fn step(session: &Session) -> Result<Option<String>, Error> {
    // Signed out, expired or revoked: the visitor has no access any more.
    if !session.refresh().await? {
        return Ok(None);
    }
    session.update(STEPS, |steps| *steps += 1)?;
    // Concurrent changes of other requests are kept: this change is replayed on the newest version.
    session.commit_now().await?;
    counts(session).map(Some)
}

pub(crate) fn counts(session: &Session) -> Result<String, Error> {
    let [steps, notes] = [session.get(STEPS)?, session.get(NOTES)?].map(Option::unwrap_or_default);
    Ok(format!("{steps} steps, {notes} notes"))
}
