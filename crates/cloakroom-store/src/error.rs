//! What can go wrong in a store.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

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
    Missing { what: Cow<'static, str> },
    TimedOut,
    Corrupt { key: StoreKey },
    Taken { key: StoreKey },
    Unsupported { what: &'static str },
}

impl StoreError {
    /// The store couldn't be reached, or didn't do what it was asked.
    #[must_use]
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self(Kind::Unavailable(source.into()))
    }

    /// The place where sessions are kept was never created. The text says what is missing, and how it is created.
    #[must_use]
    pub fn missing(what: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Missing { what: what.into() })
    }

    /// The store didn't answer in time.
    #[must_use]
    pub const fn timed_out() -> Self {
        Self(Kind::TimedOut)
    }

    /// What is under this key was not written by us, or was damaged since.
    #[must_use]
    pub const fn corrupt(key: StoreKey) -> Self {
        Self(Kind::Corrupt { key })
    }

    /// The key that a session was to move to is taken. Of 256 random bits that doesn't happen, unless their generator is broken.
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

    /// What it is called in traces and metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.0 {
            Kind::TimedOut => "timeout",
            Kind::Corrupt { .. } => "corrupt",
            Kind::Unsupported { .. } => "unsupported",
            Kind::Unavailable(_) | Kind::Missing { .. } | Kind::Taken { .. } => "error",
        }
    }

    /// Whether the place where sessions are kept must be created first, as by `migrate`.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self.0, Kind::Missing { .. })
    }

    /// Whether the store didn't answer in time.
    #[must_use]
    pub const fn is_timed_out(&self) -> bool {
        matches!(self.0, Kind::TimedOut)
    }

    /// Whether what it holds is damaged: trying again won't help.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.0, Kind::Corrupt { .. })
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
            Kind::Missing { what } => write!(f, "the store is unavailable: {what}"),
            Kind::TimedOut => f.write_str("the store didn't answer in time"),
            Kind::Corrupt { key } => write!(f, "what the store holds under {key:?} isn't a session record"),
            Kind::Taken { key } => write!(f, "the fresh key {key:?} is taken: is the random generator broken?"),
            Kind::Unsupported { what } => write!(f, "this store doesn't support {what}"),
        }
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Unavailable(source) => Some(&**source),
            Kind::Missing { .. }
            | Kind::TimedOut
            | Kind::Corrupt { .. }
            | Kind::Taken { .. }
            | Kind::Unsupported { .. } => None,
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error.0 {
            Kind::Corrupt { .. } => Self::corrupt(error),
            Kind::Unsupported { .. } => Self::unsupported(error),
            Kind::Unavailable(_) | Kind::Missing { .. } | Kind::TimedOut | Kind::Taken { .. } => {
                Self::unavailable(error)
            }
        }
    }
}
