//! Rocket: the session and the form token as request guards, errors and answers as responders.

use std::borrow::Cow;
use std::io::Cursor;

use cloakroom_core::CookieHeader;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::response::{Responder, Response};
use rocket::{Request, async_trait};

use super::{Answer, RequestHead, ResponseHeaders};
use crate::csrf::{CsrfSlot, FormToken};
use crate::error::Error;
use crate::session::Session;
use crate::slot::SessionSlot;

/// What a fairing or a checked route left in the request, before anybody could ask.
fn left<'r, T: Send + Sync + 'static>(request: &'r Request<'_>, who: &'static str) -> Result<&'r T, Error> {
    request.local_cache(|| None::<T>).as_ref().ok_or_else(|| Error::missing_layer(who))
}

fn cookies<'r>(request: &'r Request<'_>) -> CookieHeader<'r> {
    CookieHeader::new(request.headers().get("cookie").map(str::as_bytes))
}

/// The head of a request, for what Rocket's own type can't implement: only its header lines count here.
struct Head<'r>(&'r Request<'r>);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.headers().get(name).map(str::as_bytes)
    }
}

fn outcome<T>(opened: Result<T, Error>) -> Outcome<T, Error> {
    match opened {
        Ok(opened) => Outcome::Success(opened),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "session error");
            Outcome::Error((Status::new(error.status()), error))
        }
    }
}

/// The session of the request, opened when the first guard asks for it.
///
/// # Errors
/// 503 when the store couldn't answer, 500 when no `SessionFairing` is attached; the trace says which. Rocket answers with the
/// catcher of that status.
#[async_trait]
impl<'r> FromRequest<'r> for Session {
    type Error = Error;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Error> {
        outcome(match left::<SessionSlot>(request, "SessionFairing") {
            Ok(slot) => slot.open_for(&Head(request)).await,
            Err(missing) => Err(missing),
        })
    }
}

/// The token for this page's forms, on a route that a `CsrfFairing` protects.
///
/// # Errors
/// As for the session; and 500 where the route isn't protected.
#[async_trait]
impl<'r> FromRequest<'r> for FormToken {
    type Error = Error;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Error> {
        let session = left::<SessionSlot>(request, "SessionFairing").ok();
        outcome(match left::<CsrfSlot>(request, "CsrfFairing") {
            Ok(slot) => slot.form_token_with(session, cookies(request)).await,
            Err(missing) => Err(missing),
        })
    }
}

impl<'r> Responder<'r, 'static> for Error {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        tracing::error!(error = &self as &dyn std::error::Error, "session error");
        Ok(Answer::sorry(&self).into())
    }
}

impl From<Answer> for Response<'_> {
    fn from(answer: Answer) -> Self {
        let mut response = Self::build();
        response.status(Status::new(answer.status));
        for (name, value) in answer.headers() {
            response.raw_header(name, value);
        }
        let words = answer.words;
        response.sized_body(words.len(), Cursor::new(words.into_owned())).finalize()
    }
}

impl ResponseHeaders for Response<'_> {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.headers().iter().map(|header| header.name.string)
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers().get(name).map(str::as_bytes)
    }

    fn append(&mut self, name: &'static str, value: &'static str) {
        self.adjoin_raw_header(name, value);
    }

    fn remove(&mut self, name: &str) {
        self.remove_header(name);
    }

    fn replace(&mut self, name: &'static str, value: &'static str) {
        self.set_raw_header(name, value);
    }

    fn append_cookie(&mut self, line: String) -> bool {
        // Of a text that can't be a header, Rocket would send no response at all.
        let printable = line.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if printable {
            self.adjoin_raw_header("set-cookie", line);
        }
        printable
    }
}
