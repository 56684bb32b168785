//! The session of one request: its identity, its record and its changes.
//!
//! The methods of [`SessionState`] are grouped by topic:
//!
//! | file | contents |
//! |---|---|
//! | this file | the type, its constructors for factories, and its read accessors |
//! | `values` | values and flash messages |
//! | `writing` | the other operations of handlers |
//! | `plan` | the operation and the cookie at the end of the request |
//! | `commit`, `committing` | beginning a commit, and merging its result |
//! | `bridging` | factories that read more than one kind of session |
//! | `reserved` | the id of a visitor who has no session yet |
//!
//! The other files hold the types that it uses:
//!
//! | file | contents |
//! |---|---|
//! | `identity`, `cookie_payload`, `version`, `key` | the values that a session consists of |
//! | `change`, `apply` | one change, and its effect on a record |
//! | `log`, `fold`, `reads` | the log of changes, and its replay on a newer version |

mod apply;
mod bridging;
mod change;
mod commit;
mod committing;
mod cookie_payload;
mod fold;
mod identity;
mod key;
mod log;
mod plan;
mod reads;
mod reserved;
mod values;
mod version;
mod writing;

use std::sync::Arc;

use crate::csrf::{CsrfScheme, CsrfToken};
use crate::id::{SessionId, StoreKey};
use crate::lifetimes::Lifetimes;
use crate::record::{FrameworkData, Record};
use crate::request_kind::RequestKind;
use crate::seal::Rejected;
use crate::time::{Resolution, Timestamp};

use identity::{Identity, Reserved};

#[cfg(feature = "dbsc")]
pub use change::Binder;
pub use change::Updater;
pub use commit::{After, Commit};
pub use committing::{Absorbed, Rebased, Since};
pub use cookie_payload::CookiePayload;
pub use key::{IntoKey, KeyName, SessionKey};
pub use log::{ChangeLog, ConflictPolicy, Replayed};
pub use plan::{CommitPolicy, CookieUpdate, Dropped, Plan};
pub use version::Version;

/// The session of one request: the record it was opened with, and the log of changes.
///
/// Every change goes through one function, which applies it to the record that the handler sees and
/// appends it to the log for replay. Reads use the same record. Nothing is written before
/// [`SessionState::plan`] decides the operation.
///
/// Applications use the `Session` handle around this type; factories open and commit it.
#[derive(Clone, Debug)]
pub struct SessionState {
    identity: Identity,
    /// The number of sessions that this request has ended with `invalidate`. A commit or guard of
    /// an earlier session has no effect on a later one.
    generation: u32,
    work: Work,
    /// The time at which the session was opened or last committed. Opening counts as use.
    opened: Timestamp,
    stored: Stored,
    context: Context,
    rare: Option<Box<Rare>>,
}

/// The handler's copy of the record, and its changes.
#[derive(Clone, Debug)]
struct Work {
    /// The record that was opened. Shared, so that a commit and the handlers can hold it together.
    base: Arc<Record>,
    /// The changed record that the handler sees, or `None` before the first change.
    draft: Option<Arc<Record>>,
    log: ChangeLog,
}

/// The store's information about the record that was opened.
#[derive(Clone, Debug, Default)]
struct Stored {
    version: Version,
    /// The hash of the id, if it was already computed.
    key: Option<StoreKey>,
}

/// The fields that survive every commit.
#[derive(Clone, Debug)]
struct Context {
    lifetimes: Lifetimes,
    carrier: CookiePayload,
    resolution: Resolution,
    moves: bool,
    request: RequestKind,
    scheme: Option<&'static dyn CsrfScheme>,
    place: u8,
    reserves_ids: bool,
}

/// Rarely used fields.
#[derive(Clone, Debug, Default)]
struct Rare {
    rejected: Option<Rejected>,
    /// Another session that the same request's cookies opened.
    other: Option<SessionState>,
    /// The framework data of the session that `invalidate` ended.
    ended_foreign: Option<Arc<FrameworkData>>,
    /// The id of a visitor without a session.
    reserved: Option<Reserved>,
}

/// Opening, for factories.
impl SessionState {
    /// Creates a new session. It is kept only if something is stored in it.
    #[must_use]
    #[inline]
    pub fn fresh(now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::with(Identity::New, Arc::new(Record::new(now, &lifetimes)), now, lifetimes)
    }

    /// Creates the session that the request's cookie refers to.
    #[must_use]
    #[inline]
    pub fn loaded(id: SessionId, record: impl Into<Arc<Record>>, now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::with(Identity::Loaded(id), record.into(), now, lifetimes)
    }

    /// Creates the session of a request with a superseded id.
    ///
    /// It is empty, drops writes and sends no cookie. Two operations still work.
    /// [`SessionState::cycle_id`] makes it a new session, and [`SessionState::invalidate`] ends the
    /// session that `presented` has moved to.
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
                carrier: CookiePayload::Record,
                resolution: Resolution::Milliseconds,
                moves: false,
                request: RequestKind::Ordinary,
                scheme: None,
                place: 0,
                reserves_ids: false,
            },
            rare: None,
        }
    }

    /// Sets the payload of the factory's cookie. The default is [`CookiePayload::Record`].
    #[must_use]
    #[inline]
    pub const fn with_payload(mut self, carrier: CookiePayload) -> Self {
        self.context.carrier = carrier;
        self
    }

    /// Sets whether the next commit moves the session to another source.
    ///
    /// The browser then needs a new cookie, regardless of the cookie's payload.
    #[must_use]
    pub const fn moving(mut self, moves: bool) -> Self {
        self.context.moves = moves;
        self
    }

    /// Sets the precision in which the record's times are kept.
    #[must_use]
    pub const fn timed_in(mut self, resolution: Resolution) -> Self {
        self.context.resolution = resolution;
        self
    }

    /// Sets the version of the record that was opened, for stores with versions.
    #[must_use]
    #[inline]
    pub fn at_version(mut self, version: Version) -> Self {
        self.stored.version = version;
        self
    }

    /// Sets the hash of the session's id, so that it needn't be computed again.
    #[must_use]
    #[inline]
    pub const fn under(mut self, key: StoreKey) -> Self {
        self.stored.key = Some(key);
        self
    }

    /// Sets the kind of request that opened the session.
    #[must_use]
    #[inline]
    pub const fn requested_by(mut self, request: RequestKind) -> Self {
        self.context.request = request;
        self
    }

    /// Sets the reason for rejecting the request's cookie, if it was rejected.
    #[must_use]
    #[inline]
    pub fn with_rejection(mut self, why: Option<Rejected>) -> Self {
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
    /// Returns the record as the handler sees it.
    #[must_use]
    #[inline]
    pub fn record(&self) -> &Record {
        self.work.draft.as_ref().unwrap_or(&self.work.base)
    }

    /// Returns the record as it was opened.
    #[must_use]
    #[inline]
    pub fn base(&self) -> &Record {
        &self.work.base
    }

    pub(crate) const fn draft(&self) -> Option<&Arc<Record>> {
        self.work.draft.as_ref()
    }

    /// Returns the changes, in order.
    #[must_use]
    pub const fn log(&self) -> &ChangeLog {
        &self.work.log
    }

    /// Returns the id under which the session was opened.
    #[must_use]
    pub const fn id(&self) -> Option<SessionId> {
        self.identity.id()
    }

    /// Returns the id of the session that was invalidated in this request.
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

    /// Returns `true` if the session began in this request.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.identity.id().is_none()
    }

    /// Returns `true` if the request's id is superseded, so that writes are dropped.
    #[must_use]
    pub const fn is_detached(&self) -> bool {
        matches!(self.identity, Identity::Detached(_))
    }

    /// Returns `true` if the deadline has passed. Opening counts as use.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.id().is_some() && self.expired_meanwhile(now).is_some()
    }

    /// Returns a number that changes with each `invalidate`.
    ///
    /// A value taken from an earlier session of this request must not be written to a later one.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns the version of the record that was opened, for stores with versions.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.stored.version
    }

    /// Returns the hash of the id under which the session was opened.
    #[must_use]
    pub fn store_key(&self) -> Option<StoreKey> {
        self.id().map(|id| self.stored.key.unwrap_or_else(|| id.store_key()))
    }

    /// Returns the lifetimes that the session was opened with.
    #[must_use]
    pub const fn lifetimes(&self) -> &Lifetimes {
        &self.context.lifetimes
    }

    /// Returns the payload of the factory's cookie.
    #[must_use]
    pub const fn payload(&self) -> CookiePayload {
        self.context.carrier
    }

    /// Returns the session's CSRF token, or that of a visitor without a session, if there is one.
    #[must_use]
    pub fn known_csrf_token(&self) -> Option<&CsrfToken> {
        self.record().csrf()
    }

    pub(crate) const fn moves(&self) -> bool {
        self.context.moves
    }

    pub(crate) const fn resolution(&self) -> Resolution {
        self.context.resolution
    }

    /// Returns the kind of request that opened the session.
    #[must_use]
    pub const fn request(&self) -> RequestKind {
        self.context.request
    }

    pub(crate) const fn opened(&self) -> Timestamp {
        self.opened
    }
}
