//! The slot of a request's session: empty until a handler opens the session, and committed when the
//! response is ready.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{CookieHeader, RequestKind, Timestamp};

use crate::adapter::RequestHead;
use crate::effects::ResponseEffects;
use crate::engine::Engine;
use crate::error::Error;
use crate::factory::Presented;
use crate::finish::CommitFuture;
use crate::session::Session;

/// The slot of a request's session.
///
/// An adapter puts one into each request. Handlers open the session from it, and the adapter calls
/// [`SessionSlot::finish`] when the response is ready. A request that never opens the session costs
/// this one allocation.
#[derive(Clone)]
pub struct SessionSlot(Arc<Slot>);

struct Slot {
    engine: Arc<Engine>,
    place: Mutex<Place>,
}

#[derive(Default)]
struct Place {
    session: Option<Session>,
    /// The response is being sent: a session opened from now on is too late for a cookie.
    closed: bool,
    /// The request has the [`SessionHeader`](crate::SessionHeader): so has the response.
    by_header: bool,
}

impl SessionSlot {
    /// Creates an empty slot.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self(Arc::new(Slot { engine, place: Mutex::default() }))
    }

    /// Returns the slot that was found in a request, for the extractor of an adapter.
    ///
    /// The request may keep it in any map from types to values, such as `http::Extensions`.
    /// `middleware` is the name of the type that puts it there.
    ///
    /// # Errors
    /// Returns an error that names the middleware if there is no slot.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::adapter::{RequestHead, SessionSlot};
    /// use cloakroom_session::{Error, Session};
    ///
    /// // `found` is `request.extensions().get()` in most frameworks.
    /// async fn extract(found: Option<&SessionSlot>, head: &impl RequestHead) -> Result<Session, Error> {
    ///     SessionSlot::require(found, "SessionLayer")?.open_for(head).await
    /// }
    ///
    /// let error = SessionSlot::require(None, "SessionLayer").unwrap_err();
    /// assert!(error.is_missing_layer() && error.to_string().contains("SessionLayer"));
    /// ```
    pub fn require<'a>(slot: Option<&'a Self>, middleware: &'static str) -> Result<&'a Self, Error> {
        slot.ok_or_else(|| Error::missing_layer(middleware))
    }

    /// Returns the session if it was opened.
    #[must_use]
    pub fn opened(&self) -> Option<Session> {
        self.place().session.clone()
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the session, and opens it with `cookies` if necessary.
    ///
    /// For tests and tools. An adapter calls [`SessionSlot::open_for`].
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer.
    pub async fn open(&self, cookies: CookieHeader<'_>) -> Result<Session, Error> {
        self.open_as(cookies, RequestKind::Ordinary).await
    }

    /// Returns the session of the request with this head, and opens it if necessary.
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer.
    pub fn open_for<'a, H: RequestHead>(
        &'a self,
        head: &'a H,
    ) -> impl Future<Output = Result<Session, Error>> + use<'a, H> {
        // The head is read before the future is created, so that the future is `Send` even if the
        // head isn't.
        let opened = self.opened().ok_or_else(|| (self.credentials(head), head.kind()));
        async move {
            match opened {
                Ok(session) => Ok(session),
                Err((cookies, kind)) => self.open_as(cookies, kind).await,
            }
        }
    }

    /// Returns the header that names the session, in the form of cookies, or else the cookies.
    fn credentials<'a>(&self, head: &'a impl RequestHead) -> CookieHeader<'a> {
        match self.0.engine.header.and_then(|header| header.credentials(head)) {
            Some(given) => {
                self.place().by_header = true;
                given
            }
            None => head.cookies(),
        }
    }

    /// Returns `true` if the request names its session in a header that no browser sends by itself.
    pub(crate) fn is_by_header(&self, head: &impl RequestHead) -> bool {
        self.0.engine.header.is_some_and(|header| header.is_in(head))
    }

    async fn open_as(&self, cookies: CookieHeader<'_>, kind: RequestKind) -> Result<Session, Error> {
        if let Some(session) = self.opened() {
            return Ok(session);
        }
        let engine = &self.0.engine;
        let state = engine.factory.open(cookies, engine.now()).await?.requested_by(kind);
        let session = Session::new(Arc::clone(engine), state);
        // Two callers may have opened it concurrently: all callers of one request get the same
        // session.
        let mut place = self.place();
        let session = if place.closed { session.opened_late() } else { session };
        Ok(place.session.get_or_insert(session).clone())
    }

    /// Returns the session that the cookies of this head name, without opening it.
    ///
    /// For adapters that show a public id of the session. If the session is open, this is its key.
    #[must_use]
    pub fn presented_for(&self, head: &impl RequestHead) -> Presented {
        match self.opened().and_then(|session| session.id()) {
            Some(id) => Presented::Session(id.store_key()),
            None => self.0.engine.factory.presented(&self.credentials(head), self.now()),
        }
    }

    /// Returns the current time, by the clock of the engine.
    ///
    /// For adapters that convert points in time to timeouts.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.engine.now()
    }

    /// Commits the session for a response with this status.
    ///
    /// Call it after the handler has returned; later changes are not part of this request. From
    /// here on the commit runs to completion, even if the future is dropped because the client
    /// disconnected. If it fails, the adapter must replace the response. A session that is opened
    /// later is committed only by [`Session::commit_now`]; if it is changed otherwise, a warning is
    /// logged.
    pub fn finish(&self, status: u16) -> CommitFuture {
        let (session, by_header) = {
            let mut place = self.place();
            place.closed = true;
            (place.session.clone(), place.by_header)
        };
        let header = self.0.engine.header;
        let effects = ResponseEffects {
            vary_by: header.map(|header| header.request_name()),
            id_header: header.filter(|_| by_header).map(|header| header.response_name()),
            ..ResponseEffects::default()
        };
        CommitFuture::new(session, status, effects)
    }

    /// Discards all changes of a request that was refused.
    ///
    /// Nothing is committed, not even that the session was used. The response is sent unchanged.
    pub fn discard(&self) {
        if let Some(session) = self.opened() {
            session.refuse();
        }
    }
}

impl fmt::Debug for SessionSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSlot").field("session", &self.opened()).finish_non_exhaustive()
    }
}
