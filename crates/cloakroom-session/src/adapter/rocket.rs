//! Rocket: the session and the form token as request guards, errors and answers as responders.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::response::{Responder, Response};
use rocket::{Request, async_trait};

use super::{PlainResponse, RequestHead, ResponseHeaders};
use crate::csrf::{CsrfSlot, FormToken};
use crate::engine::Engine;
use crate::error::Error;
use crate::named::NamedSession;
use crate::session::Session;
use crate::slot::SessionSlot;

/// The sessions of a Rocket application, as managed state.
///
/// Guards therefore find them regardless of the order of fairings.
///
/// Fairings don't nest. The session without a name counts as the innermost one.
#[derive(Debug, Default)]
pub struct RocketSessions(Mutex<Vec<Arc<Engine>>>);

impl RocketSessions {
    /// Adds the sessions of a fairing. A fairing that was attached twice is added once.
    ///
    /// # Errors
    /// Returns an error for a second session with the same name, or without one, and for a second
    /// session with the same cookie.
    pub fn add(&self, engine: Arc<Engine>) -> Result<(), Error> {
        let mut engines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for other in engines.iter() {
            if Arc::ptr_eq(other, &engine) {
                return Ok(());
            }
            if let Some(name) = other.cookie_names().iter().find(|name| engine.cookie_names().contains(name)) {
                return Err(Error::two_layers(name));
            }
            if other.has_name_of(&engine) {
                return Err(Error::two_of_one_name(engine.name()));
            }
        }
        let place = if engine.name().is_none() { engines.len() } else { 0 };
        engines.insert(place, engine);
        Ok(())
    }

    /// Returns the slot of the request's session, after creating it if necessary.
    ///
    /// Returns `None` if no sessions are managed.
    #[must_use]
    pub fn slot<'r>(request: &'r Request<'_>) -> Option<&'r SessionSlot> {
        let sessions = request.rocket().state::<Self>()?;
        let slot = request.local_cache(|| {
            let engines = sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
            let inside = |outer: Option<SessionSlot>, engine: &Arc<Engine>| {
                Some(SessionSlot::inside(Arc::clone(engine), outer.as_ref()))
            };
            engines.iter().fold(None, inside)
        });
        slot.as_ref()
    }
}

/// The slot of a request's CSRF check, in Rocket's request cache.
///
/// An early lookup must not fill it.
#[derive(Debug, Default)]
pub struct RocketCsrf(OnceLock<CsrfSlot>);

impl RocketCsrf {
    /// Stores the slot of a check for the guards of its route. The first one is kept.
    pub fn leave(request: &Request<'_>, slot: CsrfSlot) {
        // Another route may have checked and forwarded this request already. Its tokens are the
        // same.
        let _ = request.local_cache(Self::default).0.set(slot);
    }

    fn find<'r>(request: &'r Request<'_>) -> Option<&'r CsrfSlot> {
        request.local_cache(Self::default).0.get()
    }
}

/// The head of a request. Rocket's own type can't implement the trait; only its header lines matter
/// here.
struct Head<'a, 'r>(&'a Request<'r>);

impl RequestHead for Head<'_, '_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn target(&self) -> Cow<'_, str> {
        self.0.uri().to_string().into()
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

/// Extracts the session of the request. The first guard opens it.
///
/// # Errors
/// Fails with 503 if the store couldn't answer, and with 500 if no `SessionFairing` is attached.
/// The trace has the reason. Rocket responds with the catcher of that status.
#[async_trait]
impl<'r> FromRequest<'r> for Session {
    type Error = Error;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Error> {
        outcome(match RocketSessions::slot(request) {
            Some(slot) => slot.open_for(&Head(request)).await,
            None => Err(Error::missing_layer("SessionFairing")),
        })
    }
}

/// Extracts the session of the fairing with the name `N`.
#[async_trait]
impl<'r, N: 'static> FromRequest<'r> for NamedSession<N> {
    type Error = Error;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Error> {
        let slot = SessionSlot::require(RocketSessions::slot(request), "SessionFairing");
        outcome(match slot.and_then(SessionSlot::named::<N>) {
            Ok(slot) => slot.open_for(&Head(request)).await.map(Self::from),
            Err(error) => Err(error),
        })
    }
}

/// Extracts the token for this page's forms, on a route that a `CsrfFairing` protects.
///
/// # Errors
/// Fails like the session, and with 500 if the route isn't protected.
#[async_trait]
impl<'r> FromRequest<'r> for FormToken {
    type Error = Error;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Error> {
        outcome(match RocketCsrf::find(request) {
            Some(slot) => slot.form_token(&Head(request)).await,
            None => Err(Error::missing_layer("CsrfFairing")),
        })
    }
}

impl<'r> Responder<'r, 'static> for Error {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        Ok(PlainResponse::report(&self).into())
    }
}

impl From<PlainResponse> for Response<'_> {
    fn from(answer: PlainResponse) -> Self {
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

    fn append_secret(&mut self, name: &'static str, value: String) -> bool {
        // Rocket sends no response at all if a header value is invalid.
        let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if printable {
            self.adjoin_raw_header(name, value);
        }
        printable
    }
}
