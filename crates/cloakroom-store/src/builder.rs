//! The options of stored sessions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::{ConfigError, ConflictPolicy, CookieConfig, Lifetimes};

use crate::flights::Flights;
use crate::group::{CommitQueues, Unsure};
use crate::health::Health;
use crate::limit::OwnerLimit;
use crate::orphans::Orphans;
use crate::stats::Counters;
use crate::store::Store;
use crate::stored_sessions::StoredSessions;

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one call of the store.
    pub(crate) call: Duration,
    /// For a commit that meets others, until it has to give up.
    pub(crate) commit: Duration,
}

/// What happens when an owner with as many sessions as are allowed signs in once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// The new one is refused, with an error that
    /// [`Error::is_too_many_sessions`](cloakroom_session::Error::is_too_many_sessions).
    RefuseNew,
    /// The oldest ones end.
    EndOldest,
}

/// Options of [`StoredSessions`].
#[must_use]
pub struct StoredSessionsBuilder<S> {
    store: Arc<S>,
    cookie: CookieConfig,
    lifetimes: Lifetimes,
    conflicts: ConflictPolicy,
    patience: Patience,
    grace: Duration,
    owner_limit: Option<OwnerLimit>,
    fails_fast: bool,
}

impl<S: Store> StoredSessionsBuilder<S> {
    pub(crate) fn new(store: Arc<S>) -> Self {
        Self {
            store,
            cookie: CookieConfig::default(),
            lifetimes: Lifetimes::default(),
            conflicts: ConflictPolicy::default(),
            patience: Patience { call: Duration::from_secs(2), commit: Duration::from_secs(2) },
            grace: Duration::from_secs(10),
            owner_limit: Some(OwnerLimit::default_of_all()),
            fails_fast: false,
        }
    }

    /// The cookie's name and attributes.
    pub fn cookie(mut self, cookie: CookieConfig) -> Self {
        self.cookie = cookie;
        self
    }

    /// The timeouts.
    pub const fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// What happens when two requests set the same key.
    pub const fn conflicts(mut self, policy: ConflictPolicy) -> Self {
        self.conflicts = policy;
        self
    }

    /// How long one call of the store may take. The default is 2 seconds.
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.patience.call = timeout;
        self
    }

    /// How long a commit may go on meeting others before it gives up. The default is 2 seconds.
    pub const fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.patience.commit = timeout;
        self
    }

    /// How long requests that were on their way with an old id still find it moved instead of
    /// unknown. The default is 10 seconds.
    pub const fn moved_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many sessions an owner may have. The default is 100, and the oldest ones end.
    ///
    /// Each sign-in costs one round trip more, to count them. Two sign-ins at the same moment may
    /// both find the last place. With [`AtLimit::EndOldest`] one sign-in ends at most 100 sessions
    /// that are too many.
    ///
    /// Needs a store with an index of owners. In a store without one the default has no effect, and
    /// a limit that is set here makes sign-ins fail.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_store::{AtLimit, MemoryStore, StoredSessions};
    ///
    /// let sessions = StoredSessions::new(MemoryStore::new()).owner_limit(5, AtLimit::RefuseNew).build()?;
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub const fn owner_limit(mut self, sessions: usize, at_limit: AtLimit) -> Self {
        self.owner_limit = Some(OwnerLimit { sessions, at_limit, is_asked_for: true });
        self
    }

    /// Lets an owner have any number of sessions, such as an account that many machines share.
    ///
    /// # Security
    /// A person who can sign in can fill the store with sessions of that owner.
    pub const fn no_owner_limit(mut self) -> Self {
        self.owner_limit = None;
        self
    }

    /// Lets calls fail at once while the store is known to be down, instead of after their time.
    ///
    /// It is down once no call has succeeded for half a second and at least five in a row have
    /// failed. At least every half second one call is made nevertheless, and the first that
    /// succeeds ends it. A commit that isn't made fails as in any outage.
    ///
    /// The default is `false`. Where a pool may hold many connections that have all gone silent,
    /// each such call finds out about one of them, so a store that is back would be away for
    /// longer.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_store::{MemoryStore, StoredSessions};
    ///
    /// let sessions = StoredSessions::new(MemoryStore::new()).fail_fast(true).build()?;
    /// assert!(!sessions.stats().is_down);
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub const fn fail_fast(mut self, fails_fast: bool) -> Self {
        self.fails_fast = fails_fast;
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Options that contradict each other; the error names one.
    pub fn build(self) -> Result<StoredSessions<S>, ConfigError> {
        self.lifetimes.validate()?;
        for (option, span) in [("call_timeout", self.patience.call), ("commit_timeout", self.patience.commit)] {
            if span.is_zero() {
                return Err(ConfigError::new(option, "is zero: nothing could ever be stored"));
            }
        }
        if self.owner_limit.is_some_and(|limit| limit.sessions == 0) {
            return Err(ConfigError::new("owner_limit", "is zero: nobody could ever sign in"));
        }
        Ok(StoredSessions {
            store: self.store,
            cookie: self.cookie.build()?,
            lifetimes: self.lifetimes,
            conflicts: self.conflicts,
            patience: self.patience,
            grace: self.grace,
            owner_limit: self.owner_limit,
            commits: Arc::new(CommitQueues::default()),
            unsure: Unsure::default(),
            orphans: Arc::new(Orphans::default()),
            flights: Flights::default(),
            health: Health::new(self.fails_fast),
            counters: Counters::default(),
        })
    }
}

impl<S: Store> fmt::Debug for StoredSessionsBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSessionsBuilder").field("store", &self.store).finish_non_exhaustive()
    }
}
