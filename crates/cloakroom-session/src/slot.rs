//! The place of a session in its request: empty until a handler asks, and asked again when the response is ready.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{CommitPolicy, CookieHeader, SetCookie, Timestamp};

use crate::error::Error;

use crate::clock::{Clock, SystemClock};
use crate::factory::{DynFactory, SessionFactory};
use crate::finish::Finish;
use crate::session::Session;

/// What all requests of an application share: the factory, the clock and the commit policy.
///
/// Adapters keep one and give each request a [`SessionSlot`] of it.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) factory: Arc<dyn DynFactory>,
    pub(crate) policy: CommitPolicy,
    clock: Arc<dyn Clock>,
}

impl Engine {
    /// An engine around a factory, with the system's clock and [`CommitPolicy::Always`].
    pub fn new(factory: impl SessionFactory) -> Self {
        Self { factory: Arc::new(factory), policy: CommitPolicy::default(), clock: Arc::new(SystemClock) }
    }

    /// When changes are committed.
    #[must_use]
    pub const fn policy(mut self, policy: CommitPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Another source of time.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn for_tests() -> Arc<Self> {
        Arc::new(Self::new(NoSessions))
    }
}

/// Keeps nothing: behind sessions that belong to no request.
#[derive(Debug)]
struct NoSessions;

impl SessionFactory for NoSessions {
    fn carrier(&self) -> cloakroom_core::Carrier {
        cloakroom_core::Carrier::Id
    }

    async fn open(&self, _: CookieHeader<'_>, now: Timestamp) -> Result<cloakroom_core::SessionState, Error> {
        Ok(cloakroom_core::SessionState::fresh(now, cloakroom_core::Lifetimes::default()))
    }

    async fn commit(&self, session: cloakroom_core::SessionState, _: Timestamp) -> Result<crate::Committed, Error> {
        Ok(crate::Committed { session, cookies: Vec::new() })
    }
}

/// A request's place for its session.
///
/// An adapter puts one into each request. Whoever wants the session opens it here, and the adapter calls [`SessionSlot::finish`]
/// when the response is ready. A request that nobody opens it in costs this one allocation.
#[derive(Clone)]
pub struct SessionSlot(Arc<Slot>);

struct Slot {
    engine: Arc<Engine>,
    place: Mutex<Place>,
}

#[derive(Default)]
struct Place {
    session: Option<Session>,
    /// The response is on its way: what is opened from now on comes too late for a cookie.
    closed: bool,
}

/// What the session asks of the response.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ResponseEffects {
    /// The response depends on the cookie: it needs `Vary: Cookie`.
    pub opened: bool,
    /// A CSRF token was handed out for the response: no cache may store it.
    pub private: bool,
    /// The `Set-Cookie` lines to append; mark them sensitive. With one, no cache may store the response either.
    pub cookies: Vec<SetCookie>,
}

impl SessionSlot {
    /// An empty place.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self(Arc::new(Slot { engine, place: Mutex::default() }))
    }

    /// The session, if it was opened.
    #[must_use]
    pub fn opened(&self) -> Option<Session> {
        self.place().session.clone()
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, when the response is ready: a session that is opened later isn't committed any more, except with
    /// [`Session::commit_now`], and says so when it is changed.
    #[must_use]
    pub fn close(&self) -> Option<Session> {
        let mut place = self.place();
        place.closed = true;
        place.session.clone()
    }

    /// The session, opened with the request's cookies if it isn't yet.
    ///
    /// # Errors
    /// When the store couldn't answer.
    pub async fn open(&self, cookies: CookieHeader<'_>) -> Result<Session, Error> {
        if let Some(session) = self.opened() {
            return Ok(session);
        }
        let engine = &self.0.engine;
        let state = engine.factory.open(cookies, engine.now()).await?;
        let session = Session::new(Arc::clone(engine), state);
        // Two may have opened it at the same time: all of one request must see the same session.
        let mut place = self.place();
        let session = if place.closed { session.opened_late() } else { session };
        Ok(place.session.get_or_insert(session).clone())
    }

    /// Commits the session for a response with this status: nothing that handlers do from now on belongs to it.
    ///
    /// The future comes to an error when the session couldn't be committed. Nothing was then, and the client must be told instead of being
    /// shown the response.
    pub fn finish(&self, status: u16) -> Finish {
        self.close().map_or_else(Finish::untouched, |session| self.finish_opened(session, status))
    }

    /// The same, for a slot that was closed and found to have this session.
    pub(crate) fn finish_opened(&self, session: Session, status: u16) -> Finish {
        let private = session.token_given();
        match session.finish_at_once(status) {
            Some(outcome) => Finish::done(outcome, private),
            None => Finish::commit(Arc::clone(&self.0.engine.factory).finish(session, status), private),
        }
    }

    /// Drops what this request did to the session: nothing of a refused request is committed, not even that it used the session.
    pub fn discard(&self) {
        if let Some(session) = self.opened() {
            session.abandon();
        }
    }

    /// What was committed earlier in a request whose last commit failed: the response that takes the place of the handler's must
    /// still bring those cookies.
    #[must_use]
    pub fn effects_of_failure(&self) -> ResponseEffects {
        match self.opened() {
            Some(session) => {
                ResponseEffects { opened: true, private: session.token_given(), cookies: session.committed_cookies() }
            }
            None => ResponseEffects::default(),
        }
    }
}

impl fmt::Debug for SessionSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSlot").field("session", &self.opened()).finish_non_exhaustive()
    }
}
