//! Pages whose responses last, and pages that show the counters of their session.

use actix_web::web::{self, Redirect, ServiceConfig};
use cloakroom::{Error, Session};

use crate::steps::{NOTES, counts};
use crate::{events, socket};

/// Another request, which changes the session during the stream.
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
