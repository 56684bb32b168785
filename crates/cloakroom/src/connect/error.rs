//! Errors of `connect`.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use cloakroom_store::store::StoreError;

use super::schemes::SCHEMES;

/// An error from opening the store of a URL.
///
/// # Security
/// Names the scheme and the problem. It never contains the URL, which may contain a password.
#[derive(Debug)]
pub struct ConnectError(Kind);

#[derive(Debug)]
enum Kind {
    NoScheme,
    Unknown { scheme: String },
    Needs { scheme: &'static str, features: &'static [&'static str] },
    Malformed { scheme: &'static str, why: Cow<'static, str> },
    Store { scheme: &'static str, source: StoreError },
}

impl ConnectError {
    pub(super) const fn no_scheme() -> Self {
        Self(Kind::NoScheme)
    }

    pub(super) fn unknown(scheme: &str) -> Self {
        Self(Kind::Unknown { scheme: scheme.to_owned() })
    }

    pub(super) const fn needs(scheme: &'static str, features: &'static [&'static str]) -> Self {
        Self(Kind::Needs { scheme, features })
    }

    pub(super) fn malformed(scheme: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Malformed { scheme, why: why.into() })
    }

    /// An error for a URL that the driver rejects.
    #[cfg(any(feature = "dynamodb", feature = "postgres", feature = "mysql", feature = "sqlite"))]
    pub(super) fn refused(scheme: &'static str, error: &StoreError) -> Self {
        Self::malformed(scheme, error.source().map_or_else(|| error.to_string(), all_of))
    }

    pub(super) const fn store(scheme: &'static str, source: StoreError) -> Self {
        Self(Kind::Store { scheme, source })
    }

    /// Returns `true` if the URL must be changed or a feature enabled.
    ///
    /// Retrying doesn't help then. Otherwise the store refused the connection or didn't answer. Its
    /// error is the [source](StdError::source).
    #[must_use]
    pub const fn is_config(&self) -> bool {
        match self.0 {
            Kind::NoScheme | Kind::Unknown { .. } | Kind::Needs { .. } | Kind::Malformed { .. } => true,
            Kind::Store { .. } => false,
        }
    }
}

/// Joins the texts of an error and its causes, without repetitions.
///
/// Some drivers only say "error connecting to server" at the outermost level.
pub(super) fn all_of(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = || SCHEMES.map(|(scheme, _)| format!("{scheme}:")).join(", ");
        match &self.0 {
            Kind::NoScheme => write!(f, "the URL of a store begins with one of {}", known()),
            Kind::Unknown { scheme } => write!(f, "there is no store for `{scheme}:`; there are {}", known()),
            Kind::Needs { scheme, features } => {
                write!(f, "`{scheme}:` needs the crate cloakroom with the features `{}`", features.join("`, `"))
            }
            Kind::Malformed { scheme, why } => write!(f, "the `{scheme}:` URL is invalid: {why}"),
            Kind::Store { scheme, source } => {
                write!(f, "can't open the store of the `{scheme}:` URL: {}", all_of(source))
            }
        }
    }
}

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Store { source, .. } => Some(source),
            Kind::NoScheme | Kind::Unknown { .. } | Kind::Needs { .. } | Kind::Malformed { .. } => None,
        }
    }
}
