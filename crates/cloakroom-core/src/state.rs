//! The session of one request: where it came from, what it holds now, and what was done to it.

use std::sync::Arc;

use crate::apply::Effect;
use crate::change::{Change, ChangeLog, Lifetime};
use crate::csrf::{CsrfScheme, CsrfToken};
use crate::error::Error;
use crate::foreign::Foreign;
use crate::id::{SessionId, StoreKey};
use crate::lifetimes::{Clockwork, Lifetimes};
use crate::record::Record;
use crate::rejected::Rejected;
use crate::time::Timestamp;
use crate::version::Version;

/// How far a session had come when a copy of it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    starts: u32,
    changes: usize,
    cycled: bool,
}

/// Where a session came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The request brought none that opens.
    New,
    /// The request's cookie opened it.
    Loaded(SessionId),
    /// The request's id has moved on: empty, its writes are dropped, and no cookie is sent that could undo the newer one.
    Detached,
}

/// The session of one request: the record it was opened with, and the log of what was done to it.
///
/// Everything that changes goes through one door, which applies it to the record that the handler sees and keeps it for
/// replay. Reads look at the same record. Nothing leaves here before [`SessionState::plan`] says what to do.
///
/// Applications use the `Session` handle around it; factories open, plan and settle it.
#[derive(Clone, Debug)]
pub struct SessionState {
    pub(crate) origin: Origin,
    /// The record that was opened. Shared, so that a commit can have the session while handlers keep it.
    base: Arc<Record>,
    /// What the handler sees, once it differs.
    draft: Option<Arc<Record>>,
    pub(crate) log: ChangeLog,
    /// The session that `invalidate` ended in this request.
    pub(crate) ended: Option<SessionId>,
    /// What another framework kept of its own in that session.
    ended_foreign: Option<Arc<Foreign>>,
    pub(crate) cycled: bool,
    /// Which version of the record was opened, where a store counts them.
    version: Version,
    /// The hash of the id, where it is known already.
    key: Option<StoreKey>,
    /// How often the log was started anew by `invalidate`, so that a commit in mid-request knows whether its log is still this one.
    starts: u32,
    pub(crate) opened: Timestamp,
    pub(crate) lifetimes: Lifetimes,
    scheme: Option<&'static dyn CsrfScheme>,
    /// Why the request's cookie didn't open.
    rejected: Option<Rejected>,
    place: u8,
    beside: Option<Arc<Self>>,
}

/// Sessions of more than one place, and of other frameworks: for factories that bridge.
impl SessionState {
    /// The same session, of a request that brought a cookie which was refused for this reason.
    #[must_use]
    #[inline]
    pub const fn rejecting(mut self, why: Option<Rejected>) -> Self {
        self.rejected = why;
        self
    }

    /// Why the request's cookie didn't open, if it brought one that didn't and none that did.
    #[must_use]
    pub const fn rejected(&self) -> Option<Rejected> {
        self.rejected
    }

    /// The same session, whose tokens are made and spelled as another framework does.
    #[must_use]
    pub fn with_csrf_scheme(mut self, scheme: Option<&'static dyn CsrfScheme>) -> Self {
        self.scheme = scheme;
        self
    }

    /// The same session, opened from this one of several places, which the factory numbers.
    #[must_use]
    pub const fn at_place(mut self, place: u8) -> Self {
        self.place = place;
        self
    }

    /// From which of several places it was opened; zero if its factory knows only one.
    #[must_use]
    pub const fn place(&self) -> u8 {
        self.place
    }

    /// The same session, of a request that brought another one too. A factory that reads several places ends it together with this one.
    #[must_use]
    pub fn beside(mut self, other: Self) -> Self {
        self.beside = Some(Arc::new(other));
        self
    }

    /// Another session that the same request brought.
    #[must_use]
    pub fn other(&self) -> Option<&Self> {
        self.beside.as_deref()
    }

    /// What another framework kept of its own in the session that was invalidated in this request.
    #[must_use]
    pub fn ended_foreign(&self) -> Option<&Foreign> {
        self.ended_foreign.as_deref()
    }

    /// Takes over what another session holds, so that it begins here anew. What another framework kept of its own stays behind.
    ///
    /// What was said about this one session's lifetime holds on, and so does an absolute deadline. Otherwise this session's own lifetimes count
    /// from now, so that no move ends a session.
    #[must_use]
    pub fn adopting(mut self, other: &Self, now: Timestamp) -> Self {
        let mut record = other.record().clone();
        record.foreign = None;
        let begun = Clockwork::start(now, &self.lifetimes);
        if !record.clockwork.remembered {
            record.clockwork.absolute_deadline = record.clockwork.absolute_deadline.or(begun.absolute_deadline);
        }
        record.clockwork.idle_deadline = None;
        record.clockwork.touch(now, &self.lifetimes);
        self.draft = Some(Arc::new(record));
        self.log = other.log.clone();
        self
    }
}

impl SessionState {
    /// A new session: nothing opened, and nothing is kept unless something is stored.
    #[must_use]
    #[inline]
    pub fn fresh(now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::with(Origin::New, Arc::new(Record::new(now, &lifetimes)), now, lifetimes)
    }

    /// The session that the request's cookie opened.
    #[must_use]
    #[inline]
    pub fn loaded(id: SessionId, record: impl Into<Arc<Record>>, now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::with(Origin::Loaded(id), record.into(), now, lifetimes)
    }

    /// The session of a request whose id has moved: empty, dropped, and silent. Only [`SessionState::cycle_id`] makes a new one of it.
    #[must_use]
    pub fn detached(now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::with(Origin::Detached, Arc::new(Record::new(now, &lifetimes)), now, lifetimes)
    }

    const fn with(origin: Origin, base: Arc<Record>, now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self {
            origin,
            base,
            draft: None,
            log: ChangeLog { changes: Vec::new(), effective: false },
            ended: None,
            ended_foreign: None,
            cycled: false,
            version: Version::new(0),
            key: None,
            starts: 0,
            opened: now,
            lifetimes,
            scheme: None,
            rejected: None,
            place: 0,
            beside: None,
        }
    }

    /// The record as the handler sees it.
    #[must_use]
    #[inline]
    pub fn record(&self) -> &Record {
        self.draft.as_ref().unwrap_or(&self.base)
    }

    /// The record as it was opened.
    #[must_use]
    #[inline]
    pub fn base(&self) -> &Record {
        &self.base
    }

    /// What was done, in order.
    #[must_use]
    pub const fn log(&self) -> &ChangeLog {
        &self.log
    }

    /// The id under which the session was opened.
    #[must_use]
    pub const fn id(&self) -> Option<SessionId> {
        match self.origin {
            Origin::Loaded(id) => Some(id),
            Origin::New | Origin::Detached => None,
        }
    }

    /// The id of the session that was invalidated in this request.
    #[must_use]
    pub const fn ended_id(&self) -> Option<SessionId> {
        self.ended
    }

    /// Whether this session began with this request.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        !matches!(self.origin, Origin::Loaded(_))
    }

    /// Which version of the record was opened, where a store counts them.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// The same session, opened at this version of its record.
    #[must_use]
    #[inline]
    pub fn at_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The same session, whose id has this hash: factories that had to compute it needn't do so again.
    #[must_use]
    #[inline]
    pub const fn under(mut self, key: StoreKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The hash of the id under which the session was opened.
    #[must_use]
    pub fn store_key(&self) -> Option<StoreKey> {
        self.id().map(|id| self.key.unwrap_or_else(|| id.store_key()))
    }

    /// The lifetimes that it was opened with.
    #[must_use]
    pub const fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    /// The one door: applies a change to what the handler sees, and keeps it for replay.
    pub(crate) fn apply(&mut self, change: Change) -> Effect {
        let draft = self.draft.get_or_insert_with(|| Arc::clone(&self.base));
        let effect = Arc::make_mut(draft).apply(&change);
        self.log.record(change, effect);
        effect
    }

    /// Writes the session and sends its cookie even if nothing is different.
    ///
    /// Needed only to send the cookie again: `insert`, `update` and `get_mut` record their changes themselves.
    pub fn changed(&mut self) {
        self.apply(Change::Reissue);
    }

    /// Ends the session. What is written afterwards starts a new one, under a new id.
    ///
    /// It wins over everything else that was done in this request. A session that is new or detached is just emptied.
    pub fn invalidate(&mut self, now: Timestamp) {
        if let Origin::Loaded(id) = self.origin {
            self.ended = Some(id);
            self.ended_foreign.clone_from(&self.base.foreign);
            self.origin = Origin::New;
        }
        self.base = Arc::new(Record::new(now, &self.lifetimes));
        self.draft = None;
        self.log = ChangeLog::default();
        self.cycled = false;
        self.starts += 1;
    }

    /// Gives the session a new id at commit, with everything it holds. Call it at every change of privilege (ASVS 7.2.4).
    ///
    /// A detached session becomes a new one. The deadlines stay as they are.
    pub fn cycle_id(&mut self) {
        match self.origin {
            Origin::Loaded(_) => self.cycled = true,
            Origin::Detached => self.origin = Origin::New,
            // It gets an id of its own anyway.
            Origin::New => {}
        }
    }

    /// Says whose session it is, and gives it a new id at commit: signing in is a change of privilege.
    pub fn set_owner(&mut self, owner: &str) {
        self.cycle_id();
        self.apply(Change::Own { owner: owner.into() });
    }

    /// What to call it in a list of its owner's sessions.
    pub fn set_label(&mut self, label: &str) {
        self.apply(Change::Label { label: label.into() });
    }

    /// The CSRF token, made with `fresh` if the session has none yet. A new session is kept from then on.
    pub fn csrf_token(&mut self, fresh: impl FnOnce() -> CsrfToken) -> CsrfToken {
        if let Some(token) = self.record().csrf() {
            return token.clone();
        }
        let token = fresh().reshape(self.scheme);
        self.apply(Change::CsrfIfAbsent { token: token.clone() });
        token
    }

    /// Replaces the CSRF token: forms rendered before are refused from now on.
    pub fn set_csrf_token(&mut self, token: CsrfToken) {
        let token = token.reshape(self.scheme);
        self.apply(Change::SetCsrf { token });
    }

    /// Ends this session when it wasn't used for so long; `None` is never. Counted from now, and kept through later writes.
    pub fn set_idle_timeout(&mut self, timeout: Option<std::time::Duration>, now: Timestamp) {
        self.apply(Change::Lifetime(Lifetime::Idle { timeout, from: now }));
    }

    /// Ends this session so long from now; `None` is never.
    pub fn set_absolute_timeout(&mut self, timeout: Option<std::time::Duration>, now: Timestamp) {
        let deadline = timeout.map(|timeout| now + timeout);
        self.apply(Change::Lifetime(Lifetime::Absolute { deadline }));
    }

    /// Keeps this session for so long from now, used or not, and its cookie beyond the end of the browser session.
    pub fn remember(&mut self, span: std::time::Duration, now: Timestamp) {
        self.apply(Change::Lifetime(Lifetime::Remember { until: now + span }));
    }

    /// A version of this session's record, used now.
    #[must_use]
    pub fn touched(&self, mut record: Record, now: Timestamp) -> Record {
        record.clockwork.touch(now, &self.lifetimes);
        record
    }

    /// Takes [`SessionState::remember`] back: the factory's timeouts hold again, counted from now.
    pub fn forget(&mut self, now: Timestamp) {
        let clockwork = Clockwork::start(now, &self.lifetimes);
        let (idle, absolute) = (clockwork.idle_deadline, clockwork.absolute_deadline);
        self.apply(Change::Lifetime(Lifetime::Forget { idle, absolute }));
    }

    /// The record to keep after this request: touched now, with a CSRF token made by `fresh` if a session begins with it.
    ///
    /// # Errors
    /// That of `fresh`.
    pub fn outcome<E>(&self, now: Timestamp, fresh: impl FnOnce() -> Result<CsrfToken, E>) -> Result<Record, E> {
        self.shared_outcome(now, fresh).map(Arc::unwrap_or_clone)
    }

    /// The same, and not a copy of what the handler sees if that is what is to be kept: see [`SessionState::use_now`].
    ///
    /// # Errors
    /// That of `fresh`.
    pub fn shared_outcome<E>(
        &self,
        now: Timestamp,
        fresh: impl FnOnce() -> Result<CsrfToken, E>,
    ) -> Result<Arc<Record>, E> {
        let seen = self.draft.as_ref().unwrap_or(&self.base);
        let mut clockwork = seen.clockwork;
        clockwork.touch(now, &self.lifetimes);
        let lacks_token = self.is_new() && seen.csrf.is_none();
        if clockwork == seen.clockwork && !lacks_token && !seen.flashes.has_own() {
            return Ok(Arc::clone(seen));
        }
        let mut record = Record { clockwork, ..Record::clone(seen) };
        record.flashes.settle();
        if lacks_token {
            record.csrf = Some(fresh()?.reshape(self.scheme));
        }
        Ok(Arc::new(record))
    }

    /// Writes down in what the handler has changed that it was used now, as a commit would in a copy of it.
    pub fn use_now(&mut self, now: Timestamp) {
        if let Some(draft) = &mut self.draft {
            Arc::make_mut(draft).clockwork.touch(now, &self.lifetimes);
        }
    }

    /// The session after its plan was carried out: what was committed is now what was opened.
    ///
    /// `kept` is the id and the record that exist now, `None` if there is none any more.
    #[must_use]
    #[inline]
    pub fn settled(&self, kept: Option<(SessionId, Arc<Record>)>, now: Timestamp) -> Self {
        let mut settled = match kept {
            Some((id, record)) => Self::loaded(id, record, now, self.lifetimes),
            // Still silent: what it wrote was dropped, and so is what it writes next.
            None if self.origin == Origin::Detached => Self::detached(now, self.lifetimes),
            None => Self::fresh(now, self.lifetimes),
        };
        settled.starts = self.starts;
        settled.scheme = self.scheme;
        settled.place = self.place;
        settled
    }

    /// Whether its deadline has passed. Having been opened counts as use.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        matches!(self.origin, Origin::Loaded(_)) && self.expired_meanwhile(now).is_some()
    }

    /// Whether the request's id leads nowhere any more: what is written is dropped.
    #[must_use]
    pub const fn is_detached(&self) -> bool {
        matches!(self.origin, Origin::Detached)
    }

    /// Takes in what a factory found under the session's id when it was asked again; says whether the session goes on.
    ///
    /// One that has ended is detached from now on, so that nothing written later brings it back. One that goes on shows its newest
    /// values, unless something was changed that isn't committed yet: the commit will do that again on the newest values.
    pub fn refresh(&mut self, newest: Self) -> bool {
        let Origin::Loaded(_) = self.origin else { return !self.is_detached() };
        let untouched = self.log.is_empty() && !self.cycled;
        let goes_on = matches!(newest.origin, Origin::Loaded(_));
        if !goes_on {
            let detached = Self::detached(newest.opened, self.lifetimes);
            *self = Self { starts: self.starts, scheme: self.scheme, place: self.place, ..detached };
        } else if untouched {
            *self = Self { starts: self.starts, ..newest };
        }
        goes_on
    }

    /// How far the session has come: to be kept beside a copy that is committed, for [`SessionState::absorb`].
    #[must_use]
    pub const fn checkpoint(&self) -> Checkpoint {
        Checkpoint { starts: self.starts, changes: self.log.len(), cycled: self.cycled }
    }

    /// Takes in the result of a commit that was made of an earlier copy of this session, and does again what was done since.
    ///
    /// # Errors
    /// When a closure given to `update` can't be run again on what was committed. What was done since is lost then.
    #[inline]
    pub fn absorb(&mut self, committed: Checkpoint, settled: Self) -> Result<(), Error> {
        if self.starts != committed.starts {
            // Invalidated meanwhile: what has just been committed is what ends now.
            if let Some(id) = settled.id() {
                self.ended = Some(id);
                self.ended_foreign.clone_from(&settled.base.foreign);
            }
            self.place = settled.place;
            self.beside = None;
            return Ok(());
        }
        let since = self.log.split_off(committed.changes);
        let cycled = self.cycled && !committed.cycled;
        if since.is_empty() {
            *self = Self { cycled, ..settled };
            return Ok(());
        }
        let draft = since.run(settled.base());
        // Even if that failed: what was committed must not stay in the log and be done twice.
        *self = settled;
        self.cycled = cycled;
        let draft = draft?;
        self.draft = Some(Arc::new(draft));
        self.log = since;
        Ok(())
    }
}
