//! What long responses share: a step, and the pages that show what it counts.
//!
//! A response's session is committed before its first byte. What a stream or a socket does
//! afterwards, it commits itself, and it asks now and then whether the session is still there:
//! `step` is all of it.

use actix_web::web::{self, Redirect, ServiceConfig};
use cloakroom::{Error, Session, SessionKey};

use crate::{events, socket};

const STEPS: SessionKey<u32> = SessionKey::new("steps");
const NOTES: SessionKey<u32> = SessionKey::new("notes");

/// One step of a stream: what to tell, or `None` when the session has ended.
pub(crate) async fn step(session: &Session) -> Result<Option<String>, Error> {
    // Signed out, expired or ended from elsewhere: nothing that was true of this visitor still is.
    if !session.refresh().await? {
        return Ok(None);
    }
    session.update(STEPS, |steps| *steps += 1)?;
    // What other requests wrote meanwhile stays: the change is done again on the newest version.
    session.commit_now().await?;
    counts(session).map(Some)
}

fn counts(session: &Session) -> Result<String, Error> {
    let [steps, notes] = [session.get(STEPS)?, session.get(NOTES)?].map(Option::unwrap_or_default);
    Ok(format!("{steps} steps, {notes} notes"))
}

/// Another request, which changes the session while the stream goes on.
async fn note(session: Session) -> Result<Redirect, Error> {
    session.update(NOTES, |notes| *notes += 1)?;
    Ok(Redirect::to("/").see_other())
}

async fn counted(session: Session) -> Result<String, Error> {
    counts(&session)
}

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .route("/counts", web::get().to(counted))
        .route("/note", web::post().to(note))
        .route("/events", web::get().to(events::events))
        .route("/socket", web::get().to(socket::socket));
}
