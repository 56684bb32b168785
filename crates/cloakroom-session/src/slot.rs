//! The place of a session in its request: empty until a handler asks, and asked again when the
//! response is ready.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{
    After, Carrier, Commit, CommitPolicy, CookieHeader, FLASH_LIMIT, Lifetimes, RequestKind, SessionState, SetCookie,
    Timestamp,
};

use crate::adapter::RequestHead;
use crate::error::Error;

use crate::clock::{Clock, SystemClock};
use crate::factory::{Committed, DynFactory, SessionFactory};
use crate::finish::Finish;
use crate::session::Session;

/// What all requests of an application share: the factory, the clock and the commit policy.
///
/// Adapters keep one and give each request a [`SessionSlot`] of it.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) factory: Arc<dyn DynFactory>,
    pub(crate) policy: CommitPolicy,
    pub(crate) flash_limit: usize,
    clock: Arc<dyn Clock>,
}

impl Engine {
    /// An engine around a factory, with the system's clock and [`CommitPolicy::Always`].
    pub fn new(factory: impl SessionFactory) -> Self {
        Self {
            factory: Arc::new(factory),
            policy: CommitPolicy::default(),
            flash_limit: FLASH_LIMIT,
            clock: Arc::new(SystemClock),
        }
    }

    /// When changes are committed.
    #[must_use]
    pub const fn policy(mut self, policy: CommitPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the largest number of messages in one flash queue; the default is 100. The oldest make
    /// room.
    #[must_use]
    pub const fn flash_limit(mut self, limit: usize) -> Self {
        self.flash_limit = limit;
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
    async fn open(&self, _: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        Ok(SessionState::fresh(now, Lifetimes::default()).carried_by(Carrier::Id))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        Ok(Committed::new(commit.settle(After::Untouched), Vec::new()))
    }
}

/// A request's place for its session.
///
/// An adapter puts one into each request. Whoever wants the session opens it here, and the adapter
/// calls [`SessionSlot::finish`] when the response is ready. A request that nobody opens it in
/// costs this one allocation.
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
    /// The `Set-Cookie` lines to append; mark them sensitive. With one, no cache may store the
    /// response either.
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

    /// The session, opened with the request's cookies if it isn't yet.
    ///
    /// For tests and tools. An adapter calls [`SessionSlot::open_for`].
    ///
    /// # Errors
    /// When the store couldn't answer.
    pub async fn open(&self, cookies: CookieHeader<'_>) -> Result<Session, Error> {
        self.open_as(cookies, RequestKind::Ordinary).await
    }

    /// The session of a request with this head, opened if it isn't yet.
    ///
    /// # Errors
    /// When the store couldn't answer.
    pub fn open_for<'a, H: RequestHead>(
        &'a self,
        head: &'a H,
    ) -> impl Future<Output = Result<Session, Error>> + use<'a, H> {
        // The head is read here and not in the future, which can then be sent where the head
        // cannot.
        let opened = self.opened().ok_or_else(|| (head.cookies(), head.kind()));
        async move {
            match opened {
                Ok(session) => Ok(session),
                Err((cookies, kind)) => self.open_as(cookies, kind).await,
            }
        }
    }

    async fn open_as(&self, cookies: CookieHeader<'_>, kind: RequestKind) -> Result<Session, Error> {
        if let Some(session) = self.opened() {
            return Ok(session);
        }
        let engine = &self.0.engine;
        let state = engine.factory.open(cookies, engine.now()).await?.requested_by(kind);
        let session = Session::new(Arc::clone(engine), state);
        // Two may have opened it at the same time: all of one request must see the same session.
        let mut place = self.place();
        let session = if place.closed { session.opened_late() } else { session };
        Ok(place.session.get_or_insert(session).clone())
    }

    /// Commits the session for a response with this status: nothing that handlers do from now on
    /// belongs to it.
    ///
    /// The handler must have returned: from here on the commit runs to its end, also if the future
    /// is dropped because the client went away. If it comes to an error, the response must be
    /// replaced. A session that is opened later isn't committed any more, except with
    /// [`Session::commit_now`], and leaves a warning when it is changed.
    pub fn finish(&self, status: u16) -> Finish {
        let session = {
            let mut place = self.place();
            place.closed = true;
            place.session.clone()
        };
        Finish::new(session, status)
    }

    /// Drops what this request did to the session, because it was refused: nothing is committed,
    /// not even that it used the session. The response stands.
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
