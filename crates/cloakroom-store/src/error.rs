//! What can go wrong in a store.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use cloakroom_session::{Error, StoreKey};

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// Why a store couldn't answer.
///
/// # Security
/// It names a store key by its prefix, and never a record or the password of a connection.
#[derive(Debug)]
pub struct StoreError(Kind);

#[derive(Debug)]
enum Kind {
    Unavailable(Source),
    Unconfirmed(Source),
    Missing { what: Cow<'static, str> },
    TimedOut,
    Refused,
    Corrupt { key: StoreKey },
    Unreadable { key: StoreKey, why: Cow<'static, str> },
    Taken { key: StoreKey },
    Unsupported { what: &'static str },
}

impl StoreError {
    /// The store couldn't be reached, or didn't do what it was asked.
    #[must_use]
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self(Kind::Unavailable(source.into()))
    }

    /// The store has done what it was asked, but not as safely as it was told to, such as without
    /// the replicas that must confirm it.
    ///
    /// The commit fails, and doesn't look for its own record: to find it would be no confirmation.
    #[must_use]
    pub fn unconfirmed(source: impl Into<Source>) -> Self {
        Self(Kind::Unconfirmed(source.into()))
    }

    /// The place where sessions are kept was never created. The text says what is missing, and how
    /// it is created.
    #[must_use]
    pub fn missing(what: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Missing { what: what.into() })
    }

    /// The store didn't answer in time.
    #[must_use]
    pub const fn timed_out() -> Self {
        Self(Kind::TimedOut)
    }

    /// The call wasn't made, because the store is known to be down.
    pub(crate) const fn refused() -> Self {
        Self(Kind::Refused)
    }

    /// What is under this key was not written by us, or was damaged since.
    #[must_use]
    pub const fn corrupt(key: StoreKey) -> Self {
        Self(Kind::Corrupt { key })
    }

    /// The record under this key can't be unpacked. The text says why.
    pub(crate) fn unreadable(key: StoreKey, why: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Unreadable { key, why: why.into() })
    }

    /// The key that a session was to move to is taken. Of 256 random bits that doesn't happen,
    /// unless their generator is broken.
    #[must_use]
    pub const fn taken(key: StoreKey) -> Self {
        Self(Kind::Taken { key })
    }

    /// The place where a walk through all sessions is to go on isn't one of this store's.
    #[must_use]
    pub fn foreign_cursor() -> Self {
        Self::unavailable("the cursor isn't one that this store gave")
    }

    /// This store can't do that.
    #[must_use]
    pub const fn unsupported(what: &'static str) -> Self {
        Self(Kind::Unsupported { what })
    }

    /// The same error for another request that shared the call.
    pub(crate) fn twin(self: &Arc<Self>) -> Self {
        match &self.0 {
            Kind::TimedOut => Self::timed_out(),
            Kind::Refused => Self::refused(),
            Kind::Corrupt { key } => Self::corrupt(*key),
            Kind::Unreadable { key, why } => Self::unreadable(*key, why.clone()),
            Kind::Missing { what } => Self::missing(what.clone()),
            Kind::Unsupported { what } => Self::unsupported(what),
            Kind::Unavailable(_) | Kind::Unconfirmed(_) | Kind::Taken { .. } => Self::unavailable(Arc::clone(self)),
        }
    }

    /// What it is called in traces and metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.0 {
            Kind::TimedOut => "timeout",
            Kind::Refused => "refused",
            Kind::Corrupt { .. } | Kind::Unreadable { .. } => "corrupt",
            Kind::Unsupported { .. } => "unsupported",
            Kind::Unavailable(_) | Kind::Unconfirmed(_) | Kind::Missing { .. } | Kind::Taken { .. } => "error",
        }
    }

    /// Whether trying again may help: the call may have been carried out, and the store may answer
    /// the next one.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(self.0, Kind::Unavailable(_) | Kind::TimedOut | Kind::Refused)
    }

    /// Whether the store has done what it was asked, but not as safely as it was told to.
    #[must_use]
    pub const fn is_unconfirmed(&self) -> bool {
        matches!(self.0, Kind::Unconfirmed(_))
    }

    /// Whether the place where sessions are kept must be created first, as by `migrate`.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self.0, Kind::Missing { .. })
    }

    /// Whether the call wasn't made, because the store is known to be down.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.0, Kind::Refused)
    }

    /// Whether the store didn't answer in time.
    #[must_use]
    pub const fn is_timed_out(&self) -> bool {
        matches!(self.0, Kind::TimedOut)
    }

    /// Whether what it holds is damaged: trying again won't help.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.0, Kind::Corrupt { .. } | Kind::Unreadable { .. })
    }

    /// Whether the store can't do what was asked at all.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.0, Kind::Unsupported { .. })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Unavailable(source) => write!(f, "the store is unavailable: {source}"),
            Kind::Unconfirmed(source) => write!(f, "the store didn't confirm a write: {source}"),
            Kind::Missing { what } => write!(f, "the store is unavailable: {what}"),
            Kind::TimedOut => f.write_str("the store didn't answer in time"),
            Kind::Refused => f.write_str("the store is known to be down, and the call wasn't made"),
            Kind::Corrupt { key } => write!(f, "what the store holds under {key:?} isn't a session record"),
            Kind::Unreadable { key, why } => write!(f, "the record under {key:?} can't be read: {why}"),
            Kind::Taken { key } => write!(f, "the fresh key {key:?} is taken: is the random generator broken?"),
            Kind::Unsupported { what } => write!(f, "this store doesn't support {what}"),
        }
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Unavailable(source) | Kind::Unconfirmed(source) => Some(&**source),
            Kind::Missing { .. }
            | Kind::TimedOut
            | Kind::Refused
            | Kind::Corrupt { .. }
            | Kind::Unreadable { .. }
            | Kind::Taken { .. }
            | Kind::Unsupported { .. } => None,
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error.0 {
            Kind::Corrupt { .. } | Kind::Unreadable { .. } => Self::corrupt(error),
            Kind::Unsupported { .. } => Self::unsupported(error),
            Kind::Unavailable(_)
            | Kind::Unconfirmed(_)
            | Kind::Missing { .. }
            | Kind::TimedOut
            | Kind::Refused
            | Kind::Taken { .. } => Self::unavailable(error),
        }
    }
}
