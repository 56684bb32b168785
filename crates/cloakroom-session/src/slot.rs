//! The slot of a request's session: empty until a handler opens the session, and committed when the
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

/// The factory, clock and commit policy shared by all requests of an application.
///
/// An adapter keeps one engine and creates a [`SessionSlot`] from it for each request.
///
/// # Examples
/// ```
/// use cloakroom_session::{CommitPolicy, CookieSessions, Engine, Key};
///
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let engine = Engine::new(CookieSessions::encrypted(key).build()?)
///     .policy(CommitPolicy::NotOnServerError)
///     .flash_limit(20);
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) factory: Arc<dyn DynFactory>,
    pub(crate) policy: CommitPolicy,
    pub(crate) flash_limit: usize,
    clock: Arc<dyn Clock>,
}

impl Engine {
    /// Creates an engine for this factory.
    ///
    /// It uses the system's clock and [`CommitPolicy::Always`].
    pub fn new(factory: impl SessionFactory) -> Self {
        Self {
            factory: Arc::new(factory),
            policy: CommitPolicy::default(),
            flash_limit: FLASH_LIMIT,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the responses with which changes are committed.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CommitPolicy, CookieSessions, Engine, Key};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let engine = Engine::new(CookieSessions::signed(key).build()?).policy(CommitPolicy::NotOnServerError);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn policy(mut self, policy: CommitPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the maximum number of messages in one flash queue. The default is 100.
    ///
    /// When a queue is full, the oldest message is dropped.
    #[must_use]
    pub const fn flash_limit(mut self, limit: usize) -> Self {
        self.flash_limit = limit;
        self
    }

    /// Sets the source of time.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use cloakroom_session::{CookieSessions, Engine, Key, ManualClock, Timestamp};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let clock = Arc::new(ManualClock::at(Timestamp::from_unix_secs(1_700_000_000)));
    /// let engine = Engine::new(CookieSessions::signed(key).build()?).clock(Arc::clone(&clock));
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
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

/// A factory that stores nothing, for sessions without a request.
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
}

/// The effects of a session on the response.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ResponseEffects {
    /// The response depends on the cookie, so it needs `Vary: Cookie`.
    pub opened: bool,
    /// A CSRF token was handed out for the response, so no cache may store it.
    pub private: bool,
    /// The `Set-Cookie` lines to append; mark them sensitive. A response with one of them must not
    /// be stored by a cache either.
    pub cookies: Vec<SetCookie>,
}

impl SessionSlot {
    /// Creates an empty slot.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self(Arc::new(Slot { engine, place: Mutex::default() }))
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
        // Two callers may have opened it concurrently: all callers of one request get the same
        // session.
        let mut place = self.place();
        let session = if place.closed { session.opened_late() } else { session };
        Ok(place.session.get_or_insert(session).clone())
    }

    /// Commits the session for a response with this status.
    ///
    /// Call it after the handler has returned; later changes are not part of this request. From
    /// here on the commit runs to completion, even if the future is dropped because the client
    /// disconnected. If it fails, the adapter must replace the response. A session that is opened
    /// later is committed only by [`Session::commit_now`]; if it is changed otherwise, a warning is
    /// logged.
    pub fn finish(&self, status: u16) -> Finish {
        let session = {
            let mut place = self.place();
            place.closed = true;
            place.session.clone()
        };
        Finish::new(session, status)
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
