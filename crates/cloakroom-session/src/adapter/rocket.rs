//! Rocket: the session as a request guard, errors as responders.

use std::io::Cursor;

use cloakroom_core::CookieHeader;
use rocket::http::{ContentType, Status};
use rocket::request::{FromRequest, Outcome};
use rocket::response::{Responder, Response};
use rocket::{Request, async_trait};

use crate::error::Error;
use crate::session::Session;
use crate::slot::SessionSlot;

/// The session of the request, opened when the first guard asks for it.
///
/// # Errors
/// 503 when the store couldn't answer, 500 when no `SessionFairing` is attached; the trace says which. Rocket answers with the
/// catcher of that status.
#[async_trait]
impl<'r> FromRequest<'r> for Session {
    type Error = Error;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Error> {
        // Only the fairing puts one there, before anybody can ask.
        let slot = request.local_cache(|| None::<SessionSlot>);
        let opened = match slot {
            Some(slot) => slot.open(CookieHeader::new(request.headers().get("cookie").map(str::as_bytes))).await,
            None => Err(Error::missing_layer("SessionFairing")),
        };
        match opened {
            Ok(session) => Outcome::Success(session),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "session error");
                Outcome::Error((Status::new(error.status()), error))
            }
        }
    }
}

impl<'r> Responder<'r, 'static> for Error {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        tracing::error!(error = &self as &dyn std::error::Error, "session error");
        let status = Status::new(self.status());
        let words = status.reason_lossy();
        let mut response = Response::build();
        response.status(status).header(ContentType::Plain).sized_body(words.len(), Cursor::new(words));
        if let Some(seconds) = self.retry_after() {
            response.raw_header("Retry-After", seconds.to_string());
        }
        response.ok()
    }
}
