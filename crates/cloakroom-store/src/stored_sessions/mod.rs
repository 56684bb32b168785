//! The factory that keeps a record in a store and an id in the cookie.
//!
//! | module | contents |
//! |---|---|
//! | `settings` | settings that have a separate type |
//! | `builder` | the options |
//! | `call` | one store call, with timeout, trace span and latency metric |
//! | `outcome` | the results of loads, writes and commits |
//! | `queue` | a work queue for each session, inside this process |
//! | `flights` | the loads and touches in flight, and the recent touches |
//! | `load`, `touch` | concurrent loads and touches of one session, served by one call |
//! | `reserved` | the id of a visitor without a session |
//! | `commit` | the execution of a commit plan |
//! | `write` | writes to a session that other requests may write too, on the newest version |
//! | `group` | concurrent commits of one session that wait for their turn |
//! | `gather` | the waiting commits, added to the write of the one that has the turn |
//! | `ended` | requests that wait for the end of their session |
//! | `limit` | the limit of sessions per owner |
//! | `alias` | commits of sessions with an alias |

mod alias;
mod builder;
pub(crate) mod call;
mod commit;
mod ended;
mod flights;
mod gather;
mod group;
mod limit;
mod load;
mod outcome;
mod queue;
mod reserved;
mod settings;
mod touch;
mod write;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::factory::{
    After, Candidates, Commit, Committed, CookieHeader, CookiePayload, CookieTemplate, CookieUpdate, EndReason, Plan,
    Presented, Record, Rejected, SessionFactory, SessionId, SessionState, SetCookie, StoreKey, TimeLimit, Version,
};
use cloakroom_session::{Clock, ConflictPolicy, Error, Lifetimes, Timestamp, meter::Event};

use crate::alias::claimed_by;
use crate::error::StoreError;
use crate::health::Health;
use crate::orphans::Orphans;
use crate::stats::{Counters, Stats};
use crate::store::Store;
pub use builder::StoredSessionsBuilder;
use call::{Call, Operation, watched};
use ended::Waits;
use flights::Flights;
use group::{CommitQueues, Unsure};
use outcome::{Found, Outcome};
use reserved::Named;
pub use settings::AtLimit;
use settings::{HasIndex, OwnerLimit, Patience};

/// The factory that keeps a record in a [`Store`] and an id in the cookie.
///
/// Concurrent requests don't lose updates: if another request commits first, this request's changes
/// are replayed on the newest version. An ended session stays ended: a request that is still
/// running drops its changes and sends no cookie.
///
/// # Security
/// The store sees the SHA-256 of an id, never the id, so stolen store data opens no session
/// (CVE-2019-16782). An unknown id from a client is never adopted; that client gets a new session
/// with a new id. The exception is the id of a visitor who has only seen a form: see
/// [`StoredSessionsBuilder::form_tokens_in_cookie`].
///
/// # Examples
/// ```
/// use cloakroom_store::{MemoryStore, StoredSessions};
///
/// let sessions = StoredSessions::new(MemoryStore::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
pub struct StoredSessions<S> {
    pub(crate) store: Arc<S>,
    pub(crate) cookie: CookieTemplate,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) conflicts: ConflictPolicy,
    pub(crate) patience: Patience,
    pub(crate) grace: Duration,
    /// A visitor who only sees a form has a reserved id, and no session.
    pub(crate) form_tokens_in_cookie: bool,
    pub(crate) owner_limit: Option<OwnerLimit>,
    pub(crate) has_index: HasIndex,
    pub(crate) commits: Arc<CommitQueues>,
    pub(crate) unsure: Unsure,
    pub(crate) orphans: Arc<Orphans>,
    pub(crate) flights: Flights,
    waits: Waits,
    end_check_interval: Duration,
    pub(crate) health: Health,
    pub(crate) counters: Counters,
}

impl<S: Store> StoredSessions<S> {
    /// Returns the store.
    #[must_use]
    pub const fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// Returns the name of the cookie that holds the id.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        self.cookie.name()
    }

    /// Returns the event counters since the factory was built.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            calls_in_flight: self.health.in_flight() as u64,
            commits_waiting: self.commits.waiting() as u64,
            waiting_for_end: self.waits.len() as u64,
            is_down: self.health.is_down(),
            ..self.counters.snapshot()
        }
    }

    /// Calls the store, with the call timeout.
    pub(crate) fn call<T, F>(&self, operation: Operation, key: Option<&StoreKey>, call: F) -> Call<'_, F>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.call_within(self.patience.call, operation, key, call)
    }

    /// Calls the store for a commit, with the call timeout or the rest of the commit's time, if
    /// shorter.
    pub(crate) fn call_by<T, F>(
        &self,
        limit: TimeLimit,
        operation: Operation,
        key: Option<&StoreKey>,
        call: F,
    ) -> Call<'_, F>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.call_within(self.patience.call.min(limit.left()), operation, key, call)
    }

    pub(crate) fn call_within<T, F>(
        &self,
        patience: Duration,
        operation: Operation,
        key: Option<&StoreKey>,
        call: F,
    ) -> Call<'_, F>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        watched(Some(self.health.begin()), patience, operation, key, call)
    }

    fn loaded(
        &self,
        id: SessionId,
        key: StoreKey,
        version: Version,
        record: Arc<Record>,
        now: Timestamp,
    ) -> SessionState {
        let session = SessionState::loaded(id, record, now, self.lifetimes).with_payload(CookiePayload::Id);
        session.at_version(version).under(key)
    }

    /// Returns the session that was used last: `first`, or one that another cookie refers to.
    async fn latest(&self, first: SessionState, others: Vec<SessionId>, now: Timestamp) -> Result<SessionState, Error> {
        let mut latest = first;
        for id in others {
            let key = id.store_key();
            if let Found::Live(version, record) = self.load(&key, now).await?
                && record.times().touched > latest.base().times().touched
            {
                latest = self.loaded(id, key, version, record, now);
            }
        }
        Ok(latest)
    }

    fn count(&self, plan: Plan, outcome: &Outcome) {
        if matches!(outcome, Outcome::Dropped) {
            return self.counters.count(Event::Dropped);
        }
        Event::of(plan).iter().for_each(|event| self.counters.count(*event));
    }

    fn cookie_for(&self, commit: &Commit, outcome: &Outcome) -> Result<Vec<SetCookie>, Error> {
        Ok(match (commit.cookie(), outcome) {
            (CookieUpdate::Set, Outcome::TokenIssued) => reserved::cookie(&self.cookie, commit)?,
            (CookieUpdate::Set, Outcome::Kept(id, _, record)) => {
                self.cookie.set_all(&id.expose(), record.max_age(commit.now()))?
            }
            // If there was nothing to end, the browser may already have the cookie of a newer
            // session.
            (CookieUpdate::Remove, Outcome::Ended { was_there: true }) => self.cookie.remove_all(),
            _ => Vec::new(),
        })
    }
}

/// A store, or an `Arc` of one: the argument of [`StoredSessions::new`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    label = "a session store or an `Arc` of one is needed here",
    note = "`connect(url).await?` returns a store for any URL; a custom store implements `Store`"
)]
pub trait IntoStore<S> {
    /// Converts it into a shared store.
    fn into_store(self) -> Arc<S>;
}

impl<S: Store> IntoStore<S> for S {
    fn into_store(self) -> Arc<S> {
        Arc::new(self)
    }
}

impl<S: Store> IntoStore<S> for Arc<S> {
    fn into_store(self) -> Self {
        self
    }
}

impl<S: Store> SessionFactory for StoredSessions<S> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let (mut moved, mut reserved) = (None, None);
        let mut candidates = Candidates::new(&cookies, self.cookie.name());
        while let Some(value) = candidates.next_value() {
            let Some(named) = Named::parse(value) else {
                candidates.reject(Rejected::Malformed);
                continue;
            };
            let id = named.id();
            let key = id.store_key();
            match self.load(&key, now).await? {
                Found::Live(version, record) => {
                    self.counters.count(Event::Opened);
                    let first = self.loaded(id, key, version, record, now);
                    let others: Vec<_> = candidates.others(value).filter_map(Named::parse).map(Named::id).collect();
                    if others.is_empty() {
                        return Ok(first);
                    }
                    // Boxed because it is rare, so that the usual future stays small.
                    return Box::pin(self.latest(first, others, now)).await;
                }
                Found::Moved => moved = moved.or(Some(id)),
                Found::Absent => match named {
                    Named::Reserved(id) if self.form_tokens_in_cookie => reserved = reserved.or(Some(id)),
                    Named::Reserved(_) | Named::Begun(_) => candidates.reject(Rejected::Unknown),
                },
            }
        }
        let session = match moved {
            // The id is kept, so that a sign-out can end the session under its new id.
            Some(id) => SessionState::detached(id, now, self.lifetimes),
            None => {
                let fresh = SessionState::fresh(now, self.lifetimes).with_rejection(candidates.first_rejected());
                if self.form_tokens_in_cookie { fresh.reserving_ids(reserved) } else { fresh }
            }
        };
        Ok(session.with_payload(CookiePayload::Id))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let movable = self.movable(commit)?;
        let commit = movable.as_deref().unwrap_or(commit);
        let outcome = match claimed_by(commit) {
            None => self.carry_out(commit).await?,
            // Boxed because it is rare, so that the usual future stays small.
            Some(alias) => Box::pin(self.carry_out_with(&alias, commit)).await?,
        };
        self.count(commit.plan(), &outcome);
        let cookies = self.cookie_for(commit, &outcome)?;
        let session = match outcome {
            Outcome::Kept(id, version, record) => commit.settle(After::Kept(id, record)).at_version(version),
            Outcome::Ended { .. } => commit.settle(After::Ended),
            Outcome::Dropped => return Ok(Committed::dropped(commit)),
            Outcome::TokenIssued => commit.settle(After::TokenIssued),
            Outcome::Untouched => commit.settle(After::Untouched),
        };
        Ok(Committed::new(session, cookies))
    }

    fn presented(&self, cookies: &CookieHeader<'_>, _: Timestamp) -> Presented {
        let named = cookies.candidates(self.cookie.name()).flatten().filter_map(Named::parse);
        let mut ids = named.map(Named::id);
        let first = ids.next();
        // Only the store knows which of several sessions was used last.
        if ids.any(|other| Some(other) != first) {
            return Presented::Unknown;
        }
        first.map(|id| id.store_key()).into()
    }

    fn cookie_names(&self) -> Vec<String> {
        vec![self.cookie.name().to_owned()]
    }

    fn begins_as_given(&self) -> bool {
        true
    }

    fn keeps_aliases(&self) -> bool {
        true
    }

    fn keeps_bindings(&self) -> bool {
        true
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        // Another request may have begun the session of a reserved id.
        let Some(id) = session.id().or(session.sent_reserved_id()) else { return Ok(session.clone()) };
        let key = session.store_key().unwrap_or_else(|| id.store_key());
        let newest = match self.load_latest(&key, now).await? {
            Found::Live(version, record) => {
                SessionState::loaded(id, record, now, self.lifetimes).at_version(version).under(key)
            }
            Found::Absent if session.id().is_none() => return Ok(session.clone()),
            Found::Moved | Found::Absent => SessionState::detached(id, now, self.lifetimes),
        };
        Ok(newest.with_payload(CookiePayload::Id))
    }

    async fn ended(&self, session: &SessionState, clock: &Arc<dyn Clock>) -> EndReason {
        let Some(key) = session.store_key() else {
            // A session that isn't stored doesn't end.
            return std::future::pending().await;
        };
        let checker = || ended::checker(&self.store, self.patience.call, self.end_check_interval);
        self.waits.until_ended(checker, key, session.base().times().ends(), clock).await
    }
}

impl<S: Store> fmt::Debug for StoredSessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSessions")
            .field("store", &self.store)
            .field("cookie", &self.cookie)
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}
