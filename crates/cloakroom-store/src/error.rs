//! The error of store calls.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use cloakroom_session::Error;
use cloakroom_session::factory::StoreKey;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// The reason why a store call failed.
///
/// # Security
/// It names a store key by its prefix, and never contains a record or a connection password.
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
    /// The store couldn't be reached, or didn't execute the call.
    #[must_use]
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self(Kind::Unavailable(source.into()))
    }

    /// The store executed the call, but not as durably as configured.
    ///
    /// For example, the required replica acknowledgements are missing.
    ///
    /// The commit fails without looking for its own record, because finding it would not confirm
    /// it.
    #[must_use]
    pub fn unconfirmed(source: impl Into<Source>) -> Self {
        Self(Kind::Unconfirmed(source.into()))
    }

    /// The table or folder for sessions doesn't exist.
    ///
    /// The text names it and says how to create it.
    #[must_use]
    pub fn missing(what: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Missing { what: what.into() })
    }

    /// The call timed out.
    #[must_use]
    pub const fn timed_out() -> Self {
        Self(Kind::TimedOut)
    }

    /// The call wasn't made, because the store is known to be down.
    pub(crate) const fn refused() -> Self {
        Self(Kind::Refused)
    }

    /// The entry under this key was not written by this library, or is damaged.
    #[must_use]
    pub const fn corrupt(key: StoreKey) -> Self {
        Self(Kind::Corrupt { key })
    }

    /// The record under this key can't be unpacked, for the given reason.
    pub(crate) fn unreadable(key: StoreKey, why: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Unreadable { key, why: why.into() })
    }

    /// The new key for a session is taken.
    ///
    /// With 256 random bits this doesn't happen unless the generator is broken.
    #[must_use]
    pub const fn taken(key: StoreKey) -> Self {
        Self(Kind::Taken { key })
    }

    /// The cursor wasn't returned by this store.
    #[must_use]
    pub fn foreign_cursor() -> Self {
        Self::unavailable("the cursor wasn't returned by this store")
    }

    /// The store doesn't support this operation.
    #[must_use]
    pub const fn unsupported(what: &'static str) -> Self {
        Self(Kind::Unsupported { what })
    }

    /// Returns the same error for another request that shared the call.
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

    /// Returns the name used in traces and metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.0 {
            Kind::TimedOut => "timeout",
            Kind::Refused => "refused",
            Kind::Corrupt { .. } | Kind::Unreadable { .. } => "corrupt",
            Kind::Unsupported { .. } => "unsupported",
            Kind::Unavailable(_) | Kind::Unconfirmed(_) | Kind::Missing { .. } | Kind::Taken { .. } => "error",
        }
    }

    /// Returns whether a retry may help: the call may have been executed, and the next one may get
    /// an answer.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(self.0, Kind::Unavailable(_) | Kind::TimedOut | Kind::Refused)
    }

    /// Returns whether the store executed the call, but not as durably as configured.
    #[must_use]
    pub const fn is_unconfirmed(&self) -> bool {
        matches!(self.0, Kind::Unconfirmed(_))
    }

    /// Returns whether the table or folder for sessions must be created first.
    ///
    /// For example with `migrate`.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self.0, Kind::Missing { .. })
    }

    /// Returns whether the call wasn't made, because the store is known to be down.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.0, Kind::Refused)
    }

    /// Returns whether the call timed out.
    #[must_use]
    pub const fn is_timed_out(&self) -> bool {
        matches!(self.0, Kind::TimedOut)
    }

    /// Returns whether the entry is damaged. A retry won't help.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.0, Kind::Corrupt { .. } | Kind::Unreadable { .. })
    }

    /// Returns whether the store doesn't support the operation.
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
            Kind::Corrupt { key } => write!(f, "the value under {key:?} isn't a session record"),
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
