//! The session of one request: which one it is, what it holds now, and what was done to it.
//!
//! Here are the type, how factories open it, and what can be read from it. `writing` has what
//! handlers do, `committing` what a commit does, `bridging` what only factories need that read more
//! than one kind of session. Values and flash messages are in `access`, the plan is in `plan`.

mod bridging;
mod committing;
mod identity;
mod writing;

use std::sync::Arc;

use crate::change::ChangeLog;
use crate::csrf::CsrfScheme;
use crate::foreign::Foreign;
use crate::id::{SessionId, StoreKey};
use crate::lifetimes::Lifetimes;
use crate::plan::Carrier;
use crate::record::Record;
use crate::rejected::Rejected;
use crate::request_kind::RequestKind;
use crate::time::{Resolution, Timestamp};
use crate::version::Version;

pub use committing::{Absorbed, Rebased, Since};
pub(crate) use identity::Identity;

/// The session of one request: the record it was opened with, and the log of what was done to it.
///
/// Everything that changes goes through one door, which applies it to the record that the handler
/// sees and keeps it for replay. Reads look at the same record. Nothing leaves here before
/// [`SessionState::plan`] says what to do.
///
/// Applications use the `Session` handle around it; factories open it and commit it.
#[derive(Clone, Debug)]
pub struct SessionState {
    identity: Identity,
    /// Counts the sessions of this request: each `invalidate` begins another one. What belongs to
    /// an earlier one, such as a commit or a guard, has no effect on a later one.
    generation: u32,
    work: Work,
    /// When the session was opened, or committed last. Being opened counts as use.
    opened: Timestamp,
    stored: Stored,
    context: Context,
    rare: Option<Box<Rare>>,
}

/// What the handler has, and what it did.
#[derive(Clone, Debug)]
struct Work {
    /// The record that was opened. Shared, so that a commit can have the session while handlers
    /// keep it.
    base: Arc<Record>,
    /// The record that the handler sees, once it differs.
    draft: Option<Arc<Record>>,
    log: ChangeLog,
}

/// What a store says of the record that was opened.
#[derive(Clone, Debug, Default)]
struct Stored {
    version: Version,
    /// The hash of the id, where it is known already.
    key: Option<StoreKey>,
}

/// What survives every commit.
#[derive(Clone, Debug)]
struct Context {
    lifetimes: Lifetimes,
    carrier: Carrier,
    resolution: Resolution,
    moves: bool,
    request: RequestKind,
    scheme: Option<&'static dyn CsrfScheme>,
    place: u8,
}

/// What few sessions have.
#[derive(Clone, Debug, Default)]
struct Rare {
    rejected: Option<Rejected>,
    /// Another session that the same request brought.
    other: Option<SessionState>,
    /// The foreign part of the session that `invalidate` ended.
    ended_foreign: Option<Arc<Foreign>>,
}

/// Opening: for factories.
impl SessionState {
    /// Creates a session that nothing opened: none is kept unless something is stored.
    #[must_use]
    #[inline]
    pub fn fresh(now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::with(Identity::New, Arc::new(Record::new(now, &lifetimes)), now, lifetimes)
    }

    /// Creates the session that the request's cookie opened.
    #[must_use]
    #[inline]
    pub fn loaded(id: SessionId, record: impl Into<Arc<Record>>, now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::with(Identity::Loaded(id), record.into(), now, lifetimes)
    }

    /// Creates the session of a request whose id has moved on or ended: empty, dropped, and silent.
    ///
    /// Two things still work on it. [`SessionState::cycle_id`] makes a new session of it, and
    /// [`SessionState::invalidate`] ends the session that `presented` leads to.
    #[must_use]
    pub fn detached(presented: impl Into<Option<SessionId>>, now: Timestamp, lifetimes: Lifetimes) -> Self {
        let identity = Identity::Detached(presented.into());
        Self::with(identity, Arc::new(Record::new(now, &lifetimes)), now, lifetimes)
    }

    fn with(identity: Identity, base: Arc<Record>, now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self {
            identity,
            generation: 0,
            work: Work { base, draft: None, log: ChangeLog::EMPTY },
            opened: now,
            stored: Stored::default(),
            context: Context {
                lifetimes,
                carrier: Carrier::Record,
                resolution: Resolution::Milliseconds,
                moves: false,
                request: RequestKind::Ordinary,
                scheme: None,
                place: 0,
            },
            rare: None,
        }
    }

    /// Says what the factory's cookie carries. The default is [`Carrier::Record`].
    #[must_use]
    #[inline]
    pub const fn carried_by(mut self, carrier: Carrier) -> Self {
        self.context.carrier = carrier;
        self
    }

    /// Says whether the next commit moves the session to another place: the browser then needs a
    /// new cookie, whatever the cookie carries.
    #[must_use]
    pub const fn moving(mut self, moves: bool) -> Self {
        self.context.moves = moves;
        self
    }

    /// Says in which precision the times of its record are kept.
    #[must_use]
    pub const fn timed_in(mut self, resolution: Resolution) -> Self {
        self.context.resolution = resolution;
        self
    }

    /// Says at which version of its record the session was opened, where a store has versions.
    #[must_use]
    #[inline]
    pub fn at_version(mut self, version: Version) -> Self {
        self.stored.version = version;
        self
    }

    /// Says that the session's id has this hash: a factory that has computed it need not do so
    /// again.
    #[must_use]
    #[inline]
    pub const fn under(mut self, key: StoreKey) -> Self {
        self.stored.key = Some(key);
        self
    }

    /// Says what kind of request has opened the session.
    #[must_use]
    #[inline]
    pub const fn requested_by(mut self, request: RequestKind) -> Self {
        self.context.request = request;
        self
    }

    /// Says why the request's cookie was refused, if it brought one that was.
    #[must_use]
    #[inline]
    pub fn rejecting(mut self, why: Option<Rejected>) -> Self {
        if why.is_some() || self.rare.is_some() {
            self.rare_mut().rejected = why;
        }
        self
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// Reading.
impl SessionState {
    /// The record as the handler sees it.
    #[must_use]
    #[inline]
    pub fn record(&self) -> &Record {
        self.work.draft.as_ref().unwrap_or(&self.work.base)
    }

    /// The record as it was opened.
    #[must_use]
    #[inline]
    pub fn base(&self) -> &Record {
        &self.work.base
    }

    pub(crate) const fn draft(&self) -> Option<&Arc<Record>> {
        self.work.draft.as_ref()
    }

    /// The changes, in order.
    #[must_use]
    pub const fn log(&self) -> &ChangeLog {
        &self.work.log
    }

    /// The id under which the session was opened.
    #[must_use]
    pub const fn id(&self) -> Option<SessionId> {
        self.identity.id()
    }

    /// The id of the session that was invalidated in this request.
    #[must_use]
    pub const fn ended_id(&self) -> Option<SessionId> {
        match self.identity {
            Identity::Ended(id) => Some(id),
            Identity::New | Identity::Loaded(_) | Identity::Cycling(_) | Identity::Detached(_) => None,
        }
    }

    pub(crate) const fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether this session began with this request.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.identity.id().is_none()
    }

    /// Whether the request's id leads nowhere any more: what is written is dropped.
    #[must_use]
    pub const fn is_detached(&self) -> bool {
        matches!(self.identity, Identity::Detached(_))
    }

    /// Whether its deadline has passed. Having been opened counts as use.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.id().is_some() && self.expired_meanwhile(now).is_some()
    }

    /// A number that changes with each `invalidate`: what was taken from an earlier session of this
    /// request must not be written to a later one.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The version of the record that was opened, where a store has versions.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.stored.version
    }

    /// The hash of the id under which the session was opened.
    #[must_use]
    pub fn store_key(&self) -> Option<StoreKey> {
        self.id().map(|id| self.stored.key.unwrap_or_else(|| id.store_key()))
    }

    /// The lifetimes that the session was opened with.
    #[must_use]
    pub const fn lifetimes(&self) -> &Lifetimes {
        &self.context.lifetimes
    }

    /// What the factory's cookie carries.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        self.context.carrier
    }

    pub(crate) const fn moves(&self) -> bool {
        self.context.moves
    }

    pub(crate) const fn resolution(&self) -> Resolution {
        self.context.resolution
    }

    /// The kind of request that has opened the session.
    #[must_use]
    pub const fn request(&self) -> RequestKind {
        self.context.request
    }

    pub(crate) const fn opened(&self) -> Timestamp {
        self.opened
    }
}
