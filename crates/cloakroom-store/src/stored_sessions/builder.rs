//! The options of stored sessions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::factory::FactoryOptions;
use cloakroom_session::{ConfigError, factory_options};

use super::ended::{self, Waits};
use super::flights::Flights;
use super::group::{CommitQueues, Unsure};
use super::settings::{AtLimit, HasIndex, OwnerLimit, Patience};
use super::{IntoStore, StoredSessions};
use crate::health::Health;
use crate::orphans::Orphans;
use crate::stats::Counters;
use crate::store::Store;

/// Options of [`StoredSessions`].
#[must_use]
pub struct StoredSessionsBuilder<S> {
    store: Arc<S>,
    options: FactoryOptions,
    grace: Duration,
    owner_limit: Option<OwnerLimit>,
    fails_fast: bool,
    end_check_interval: Duration,
    /// `None` means: if the cookie's name permits it.
    form_tokens_in_cookie: Option<bool>,
}

impl<S: Store> StoredSessions<S> {
    /// Creates a builder for a factory on this store or on an `Arc` of it.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use cloakroom_store::{MemoryStore, StoredSessions};
    ///
    /// let store = Arc::new(MemoryStore::new());
    /// let sessions = StoredSessions::new(Arc::clone(&store)).build()?;
    /// assert!(Arc::ptr_eq(sessions.store(), &store));
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(store: impl IntoStore<S>) -> StoredSessionsBuilder<S> {
        StoredSessionsBuilder::new(store.into_store())
    }
}

impl<S: Store> StoredSessionsBuilder<S> {
    pub(crate) fn new(store: Arc<S>) -> Self {
        Self {
            store,
            options: FactoryOptions::default(),
            grace: Duration::from_secs(10),
            owner_limit: Some(OwnerLimit::default_of_all()),
            fails_fast: false,
            end_check_interval: ended::INTERVAL,
            form_tokens_in_cookie: None,
        }
    }

    factory_options! {
        cookie
        lifetimes
        conflicts
        call_timeout
        commit_timeout
    }

    /// Sets how long a superseded id is recognised as moved. The default is 10 seconds.
    ///
    /// Requests that were sent with the old id find a tombstone during this time, and an unknown id
    /// afterwards.
    pub const fn tombstone_ttl(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Limits the number of sessions per owner. The default is 100, ending the oldest.
    ///
    /// Counting costs one more round trip per sign-in. Two simultaneous sign-ins may both take the
    /// last place. With [`AtLimit::EndOldest`], one sign-in ends at most 100 surplus sessions.
    ///
    /// This needs a store with an owner index. Without one, the default has no effect, and a limit
    /// that is set here makes sign-ins fail.
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

    /// Removes the limit of sessions per owner.
    ///
    /// For example for an account that many machines share.
    ///
    /// # Security
    /// Anyone who can sign in as that owner can fill the store with sessions.
    pub const fn no_owner_limit(mut self) -> Self {
        self.owner_limit = None;
        self
    }

    /// Makes calls fail at once while the store is known to be down.
    ///
    /// By default each call waits for its timeout.
    ///
    /// The store counts as down when no call has succeeded for half a second and at least five in a
    /// row have failed. At least every half second, one call is made as a probe; the first success
    /// ends the state. A commit that isn't attempted fails as in any outage.
    ///
    /// The default is `false`. If a pool holds many dead connections, each probe detects only one
    /// of them, so a store that is available again would stay unreachable for longer.
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

    /// Sets whether a visitor who only sees a form has no record in the store.
    ///
    /// With `true`, such a visitor's cookie has a reserved id, from which the CSRF token is
    /// derived. The session begins under this id when something is stored, and the token stays.
    /// Crawlers on a sign-in page leave no records. With `false`, the session begins with the
    /// token.
    ///
    /// The default is `true` if the name of the cookie begins with `__Host-`, and else `false`.
    ///
    /// # Security
    /// With `true`, the cookie's name must begin with `__Host-`. Otherwise a sibling domain could
    /// plant an id that it knows. A sign-in replaces the id in any case.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::CookieConfig;
    /// use cloakroom_store::{MemoryStore, StoredSessions};
    ///
    /// let sessions = StoredSessions::new(MemoryStore::new()).form_tokens_in_cookie(true);
    /// let error = sessions.cookie(CookieConfig::default().name("shop")).build().unwrap_err();
    /// assert_eq!(error.option(), "form_tokens_in_cookie");
    /// ```
    pub const fn form_tokens_in_cookie(mut self, in_cookie: bool) -> Self {
        self.form_tokens_in_cookie = Some(in_cookie);
        self
    }

    /// Sets how often the store is asked whether a session has ended that a request waits for with
    /// [`Session::ended`](cloakroom_session::Session::ended).
    ///
    /// The default is 5 seconds. With a store whose [feed](crate::store::Store::feed) tells of the
    /// ends that all processes make, this applies only while the feed is down. A live feed is
    /// checked once a minute, or at this interval if it is longer. Each check is one load for all
    /// waiting requests of the session.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use cloakroom_store::{FileStore, StoredSessions};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path().join("sessions");
    /// // Another process may end a session, without a hint to this one.
    /// let store = FileStore::open(folder)?;
    /// let sessions = StoredSessions::new(store).end_check_interval(Duration::from_secs(2)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn end_check_interval(mut self, interval: Duration) -> Self {
        self.end_check_interval = interval;
        self
    }

    /// Checks the options and builds the factory.
    ///
    /// # Errors
    /// If options contradict each other; the error names one.
    pub fn build(self) -> Result<StoredSessions<S>, ConfigError> {
        let (cookie, options) = (self.options.check()?, self.options);
        if self.owner_limit.is_some_and(|limit| limit.sessions == 0) {
            return Err(ConfigError::new("owner_limit", "is zero: no user could ever sign in"));
        }
        if self.end_check_interval.is_zero() {
            return Err(ConfigError::new("end_check_interval", "is zero: the store would be asked without a pause"));
        }
        let is_ours_alone = cookie.name().starts_with("__Host-");
        let form_tokens_in_cookie = self.form_tokens_in_cookie.unwrap_or(is_ours_alone);
        if form_tokens_in_cookie && !is_ours_alone {
            return Err(ConfigError::new("form_tokens_in_cookie", "needs a cookie whose name begins with __Host-"));
        }
        Ok(StoredSessions {
            store: self.store,
            form_tokens_in_cookie,
            cookie,
            lifetimes: options.lifetimes,
            conflicts: options.conflicts,
            patience: Patience { call: options.call_timeout, commit: options.commit_timeout },
            grace: self.grace,
            owner_limit: self.owner_limit,
            has_index: HasIndex::default(),
            commits: Arc::new(CommitQueues::default()),
            unsure: Unsure::default(),
            orphans: Arc::new(Orphans::default()),
            flights: Flights::default(),
            waits: Waits::default(),
            end_check_interval: self.end_check_interval,
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
