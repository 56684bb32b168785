//! One commit: the session as it was when the commit began, and what is to be done, decided once.

use std::sync::Arc;

use crate::csrf::CsrfToken;
use crate::id::SessionId;
use crate::marks::CommitId;
use crate::plan::{Carrier, CookieUpdate, Plan};
use crate::record::Record;
use crate::state::SessionState;
use crate::time::Timestamp;

/// One commit of a session, as a factory carries it out.
///
/// The plan is decided when the commit begins and never again. A factory reads [`Commit::plan`],
/// does what it says with [`Commit::record`], and answers with [`Commit::settle`].
///
/// A commit whose outcome is unknown, because its store gave no answer, is carried out once more:
/// [`Commit::is_resumed`]. Its id, its record and the id of a session that begins are the same
/// then.
#[derive(Clone, Debug)]
pub struct Commit {
    session: SessionState,
    plan: Plan,
    cookie: CookieUpdate,
    now: Timestamp,
    /// `None` for a commit that is not written to a store.
    id: Option<CommitId>,
    new: Option<(SessionId, [u8; 12])>,
    /// How much of the session's log belongs to this commit.
    changes: usize,
    /// The session's token was made for this commit.
    gives_token: bool,
    resumed: bool,
}

/// The state of a session after a commit.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a factory must say which of them it is")]
pub enum After {
    /// This record is kept under this id.
    Kept(SessionId, Arc<Record>),
    /// The session was ended by this commit.
    Ended,
    /// The session had ended or moved before: the changes are dropped, and no cookie is sent,
    /// because the one that the browser has may be newer.
    Dropped,
    /// Nothing was done.
    Untouched,
}

/// The number of random bytes for each part: an id, a token, a nonce and a commit id.
const ID: usize = 32;
const TOKEN: usize = 32;
const NONCE: usize = 12;
const COMMIT: usize = 6;

impl Commit {
    /// Begins a commit of this session; `random` fills a buffer with random bytes.
    ///
    /// For factories that hand a session on to another factory. Handlers' commits are begun by the
    /// `Session` handle, with [`SessionState::begin_commit`].
    ///
    /// # Errors
    /// That of `random`.
    pub fn new<E>(
        mut session: SessionState,
        now: Timestamp,
        random: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        session.begin_commit(now, random)
    }

    /// Hands this commit on: it is carried out on another state of the session, perhaps elsewhere.
    ///
    /// The result has the plan of that state, and the id, the time and the new session's id of this
    /// commit, so that a record shows that this commit has written it, however often it is tried.
    ///
    /// # Errors
    /// That of `random`.
    pub fn handed_on<E>(
        &self,
        mut session: SessionState,
        random: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        session.begin(self.now, Some(self), random)
    }

    /// The same commit, whose new session begins under this id.
    #[must_use]
    pub fn beginning_as(mut self, id: SessionId) -> Self {
        let nonce = self.new.map_or([0; NONCE], |(_, nonce)| nonce);
        self.new = Some((id, nonce));
        self
    }

    /// The session as it was when the commit began.
    #[must_use]
    pub const fn session(&self) -> &SessionState {
        &self.session
    }

    /// What to do with the record.
    #[must_use]
    pub const fn plan(&self) -> Plan {
        self.plan
    }

    /// What to do with the browser's cookie.
    ///
    /// [`CookieUpdate::Remove`] holds only if something was ended: where nothing was there any
    /// more, the browser may have a newer cookie already.
    #[must_use]
    pub const fn cookie(&self) -> CookieUpdate {
        self.cookie
    }

    /// The time of the commit.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The id of this commit, which is written with the record: a retry that finds it there has
    /// succeeded before. A commit to a cookie has none.
    #[must_use]
    pub const fn id(&self) -> Option<CommitId> {
        self.id
    }

    /// Whether a record was written by this commit, or comes from one that was. A retry that finds
    /// such a record has succeeded before.
    #[must_use]
    pub fn has_written(&self, record: &Record) -> bool {
        self.id.is_some_and(|id| record.has_commit(id))
    }

    /// Writes the commit's id into a record, such as one that
    /// [`ChangeLog::replay`](crate::ChangeLog::replay) made.
    pub fn mark(&self, record: &mut Record) {
        if let Some(id) = self.id {
            record.mark(id, self.now);
        }
    }

    /// The id of the session that begins or moves with this commit.
    #[must_use]
    pub fn new_id(&self) -> Option<SessionId> {
        self.new.map(|(id, _)| id)
    }

    /// Random bytes for the encryption of a new session's first cookie, drawn together with its id.
    #[must_use]
    pub fn new_nonce(&self) -> Option<[u8; 12]> {
        self.new.map(|(_, nonce)| nonce)
    }

    /// The id of the session that this commit ends, for a plan that ends one.
    #[must_use]
    pub const fn ended_id(&self) -> Option<SessionId> {
        self.session.ended_id()
    }

    /// The record to keep: as the handler left it, touched now, with its CSRF token.
    #[must_use]
    pub fn record(&self) -> Arc<Record> {
        self.session.draft().map_or_else(|| self.session.touched_base(self.now), Arc::clone)
    }

    /// Whether this commit was tried before, with an unknown outcome.
    #[must_use]
    pub const fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The same commit, to be tried once more.
    #[must_use]
    pub const fn resumed(mut self) -> Self {
        self.resumed = true;
        self
    }

    pub(crate) const fn gives_token(&self) -> bool {
        self.gives_token
    }

    /// The number of changes that the commit holds.
    pub(crate) const fn changes(&self) -> usize {
        self.changes
    }

    /// The session after the commit.
    #[must_use]
    pub fn settle(&self, after: After) -> SessionState {
        self.session.settle(after, self.now)
    }
}

impl SessionState {
    /// Begins a commit of everything that was done so far; `random` fills a buffer with random
    /// bytes.
    ///
    /// The session goes on. When the commit is done, [`SessionState::absorb`] takes in its result.
    ///
    /// # Errors
    /// That of `random`.
    pub fn begin_commit<E>(
        &mut self,
        now: Timestamp,
        random: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Commit, E> {
        self.begin(now, None, random)
    }

    /// Begins a commit, which another one may have handed on.
    fn begin<E>(
        &mut self,
        now: Timestamp,
        handed_on: Option<&Commit>,
        random: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Commit, E> {
        let now = self.resolution().floor(now);
        let (plan, cookie) = self.plan(now);
        let begins = matches!(plan, Plan::Create | Plan::EndThenCreate);
        // One call of the generator for all: the call costs more than the bytes.
        let mut bytes = [0; ID + TOKEN + NONCE + COMMIT];
        let needed = match plan {
            Plan::Create | Plan::EndThenCreate | Plan::Cycle => bytes.len(),
            // A cookie has no commit id: there is no retry that could meet it.
            Plan::Replace if self.carrier() == Carrier::Id => COMMIT,
            Plan::Nothing | Plan::Touch | Plan::Replace | Plan::End | Plan::Drop(_) => 0,
        };
        random(bytes.get_mut(..needed).unwrap_or_default())?;
        let (commit, rest) = parts::<COMMIT>(&bytes);
        let (nonce, rest) = parts::<NONCE>(rest);
        let (id, rest) = parts::<ID>(rest);
        let (token, _) = parts::<TOKEN>(rest);
        let id = handed_on.and_then(Commit::new_id).unwrap_or_else(|| SessionId::from_random(id));
        let commit = handed_on.and_then(Commit::id).unwrap_or_else(|| CommitId::of_this_process(commit));
        let commit = (needed > 0 && self.carrier() == Carrier::Id).then_some(commit);
        let gives_token = begins && self.record().csrf().is_none();
        if needed > 0 {
            self.complete(now, commit, begins.then(|| CsrfToken::from_random(token)));
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

/// The first bytes of a buffer, and the rest.
fn parts<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes.split_first_chunk::<N>().map_or(([0; N], bytes), |(first, rest)| (*first, rest))
}
