//! A commit: a snapshot of the session, with the plan decided once.

use std::sync::Arc;

use super::SessionState;
use super::cookie_payload::CookiePayload;
use super::plan::{CookieUpdate, Plan};
use crate::csrf::CsrfToken;
use crate::id::SessionId;
use crate::record::{CommitId, Record};
use crate::time::Timestamp;

/// One commit of a session, carried out by a factory.
///
/// The plan is decided once, when the commit begins. A factory reads [`Commit::plan`], carries it
/// out with [`Commit::record`], and returns the result of [`Commit::settle`].
///
/// If the store gave no answer, the outcome of a commit is unknown and the commit is retried: see
/// [`Commit::is_resumed`]. The retry has the same commit id, the same record and the same id for a
/// new session.
#[derive(Clone, Debug)]
pub struct Commit {
    session: SessionState,
    plan: Plan,
    cookie: CookieUpdate,
    now: Timestamp,
    /// `None` for a commit that is not written to a store.
    id: Option<CommitId>,
    new: Option<(SessionId, [u8; 12])>,
    /// The number of changes in the session's log that belong to this commit.
    changes: usize,
    /// The session's token was generated for this commit.
    gives_token: bool,
    resumed: bool,
}

/// The outcome of a commit for its session.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a factory must say which of them it is")]
pub enum After {
    /// The record is stored under this id.
    Kept(SessionId, Arc<Record>),
    /// The session was ended by this commit.
    Ended,
    /// The session had already ended or moved. The changes are dropped, and no cookie is sent,
    /// because the browser may have a newer one.
    Dropped,
    /// Nothing was done.
    Untouched,
    /// A cookie with the reserved id was sent, and nothing was stored.
    TokenIssued,
}

/// The sizes in bytes of the random parts: an id, a token, a nonce and a commit id.
const ID: usize = 32;
const TOKEN: usize = 32;
const NONCE: usize = 12;
const COMMIT: usize = 6;

impl Commit {
    /// Begins a commit of this session; `random` fills a buffer with random bytes.
    ///
    /// For factories that pass a session on to another factory. The `Session` handle begins its
    /// commits with [`SessionState::begin_commit`].
    ///
    /// # Errors
    /// Returns the error of `random`.
    pub fn new<E>(
        mut session: SessionState,
        now: Timestamp,
        random: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        session.begin_commit(now, random)
    }

    /// Passes this commit on to another state of the session, perhaps in another store.
    ///
    /// The result has the plan of that state, but the commit id, the time and the new session's id
    /// of this commit. A record therefore shows that this commit wrote it, regardless of the number
    /// of retries.
    ///
    /// # Errors
    /// Returns the error of `random`.
    pub fn handed_on<E>(
        &self,
        mut session: SessionState,
        random: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        session.begin(self.now, Some(self), random)
    }

    /// Returns the commit with `id` as the id of its new session.
    #[must_use]
    pub fn beginning_as(mut self, id: SessionId) -> Self {
        let nonce = self.new.map_or([0; NONCE], |(_, nonce)| nonce);
        self.new = Some((id, nonce));
        self
    }

    /// Returns the session as it was when the commit began.
    #[must_use]
    pub const fn session(&self) -> &SessionState {
        &self.session
    }

    /// Returns the operation on the record.
    #[must_use]
    pub const fn plan(&self) -> Plan {
        self.plan
    }

    /// Returns the operation on the browser's cookie.
    ///
    /// [`CookieUpdate::Remove`] applies only if a session was ended. If there was none to end, the
    /// browser may already have a newer cookie.
    #[must_use]
    pub const fn cookie(&self) -> CookieUpdate {
        self.cookie
    }

    /// Returns the time of the commit.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the commit id, which is written with the record.
    ///
    /// A retry that finds its id in the record has already succeeded. A commit to a cookie has no
    /// id.
    #[must_use]
    pub const fn id(&self) -> Option<CommitId> {
        self.id
    }

    /// Returns `true` if this commit wrote `record`, or a record that it derives from.
    ///
    /// A retry that finds such a record has already succeeded.
    #[must_use]
    pub fn has_written(&self, record: &Record) -> bool {
        self.id.is_some_and(|id| record.has_commit(id))
    }

    /// Writes the commit id into a record.
    ///
    /// Use it for a result of [`ChangeLog::replay`](crate::ChangeLog::replay).
    pub fn mark(&self, record: &mut Record) {
        if let Some(id) = self.id {
            record.mark(id, self.now);
        }
    }

    /// Returns the id of the session that begins or moves with this commit.
    #[must_use]
    pub fn new_id(&self) -> Option<SessionId> {
        self.new.map(|(id, _)| id)
    }

    /// Returns `true` if the session begins under a [reserved id](SessionState::sent_reserved_id).
    ///
    /// Another request may have begun it. The changes are then replayed on that session.
    #[must_use]
    pub fn begins_reserved(&self) -> bool {
        let reserved = self.session.sent_reserved_id().filter(|_| self.plan == Plan::Create);
        reserved.is_some() && reserved == self.new_id()
    }

    /// Returns the nonce for encrypting a new session's first cookie.
    ///
    /// It was generated together with the session's id.
    #[must_use]
    pub fn new_nonce(&self) -> Option<[u8; 12]> {
        self.new.map(|(_, nonce)| nonce)
    }

    /// Returns the id of the session that this commit ends, for a plan that ends one.
    #[must_use]
    pub const fn ended_id(&self) -> Option<SessionId> {
        self.session.ended_id()
    }

    /// Returns the record to store: the handler's record, touched now, with its CSRF token.
    #[must_use]
    pub fn record(&self) -> Arc<Record> {
        self.session.draft().map_or_else(|| self.session.touched_base(self.now), Arc::clone)
    }

    /// Returns `true` if this commit was tried before, with an unknown outcome.
    #[must_use]
    pub const fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Returns the commit as a retry.
    #[must_use]
    pub const fn resumed(mut self) -> Self {
        self.resumed = true;
        self
    }

    pub(crate) const fn gives_token(&self) -> bool {
        self.gives_token
    }

    /// Returns the number of changes that the commit holds.
    pub(crate) const fn changes(&self) -> usize {
        self.changes
    }

    /// Returns the session after the commit.
    #[must_use]
    pub fn settle(&self, after: After) -> SessionState {
        self.session.settle(after, self.now)
    }
}

impl SessionState {
    /// Begins a commit of all changes so far; `random` fills a buffer with random bytes.
    ///
    /// The session stays usable. [`SessionState::merge_commit`] merges the result of the commit.
    ///
    /// # Errors
    /// Returns the error of `random`.
    pub fn begin_commit<E>(
        &mut self,
        now: Timestamp,
        random: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Commit, E> {
        self.begin(now, None, random)
    }

    /// Begins a commit, or continues one that was passed on from another state.
    fn begin<E>(
        &mut self,
        now: Timestamp,
        handed_on: Option<&Commit>,
        random: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Commit, E> {
        let now = self.resolution().floor(now);
        let (plan, cookie) = self.plan(now);
        let begins = matches!(plan, Plan::Create | Plan::EndThenCreate);
        // One call of the generator for all parts: the call costs more than the bytes.
        let mut bytes = [0; ID + TOKEN + NONCE + COMMIT];
        let needed = match plan {
            Plan::Create | Plan::EndThenCreate | Plan::Cycle => bytes.len(),
            // A cookie has no commit id, because no retry could read it.
            Plan::Replace if self.payload() == CookiePayload::Id => COMMIT,
            Plan::Nothing | Plan::IssueToken | Plan::Touch | Plan::Replace | Plan::End | Plan::Drop(_) => 0,
        };
        random(bytes.get_mut(..needed).unwrap_or_default())?;
        let (commit, rest) = parts::<COMMIT>(&bytes);
        let (nonce, rest) = parts::<NONCE>(rest);
        let (id, rest) = parts::<ID>(rest);
        let (token, _) = parts::<TOKEN>(rest);
        let given = handed_on.and_then(Commit::new_id).or_else(|| self.begins_under());
        let id = given.unwrap_or_else(|| SessionId::from_random(id));
        let commit = handed_on.and_then(Commit::id).unwrap_or_else(|| CommitId::of_this_process(commit));
        let commit = (needed > 0 && self.payload() == CookiePayload::Id).then_some(commit);
        let gives_token = begins && self.record().csrf().is_none();
        if needed > 0 {
            let token = begins.then(|| CsrfToken::from_random(token));
            self.complete(now, commit, token);
        } else if plan == Plan::Replace {
            self.complete(now, None, None);
        }
        let changes = self.seal_log();
        Ok(Commit {
            session: self.clone(),
            plan,
            cookie,
            now,
            id: commit,
            new: (needed > COMMIT).then_some((id, nonce)),
            changes,
            gives_token,
            resumed: handed_on.is_some_and(Commit::is_resumed),
        })
    }
}

/// Splits a buffer into its first `N` bytes and the rest.
fn parts<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes.split_first_chunk::<N>().map_or(([0; N], bytes), |(first, rest)| (*first, rest))
}
