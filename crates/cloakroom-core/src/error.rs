//! The errors of session values and of the configuration.

use std::error::Error as StdError;
use std::fmt;

use crate::json::unreadable::Unreadable;

/// The error of an operation on a session.
///
/// Its message names the key, option or limit at fault, and never a value. The `is_…()` methods
/// tell the causes apart.
///
/// # Examples
/// ```
/// use cloakroom_core::Json;
///
/// let error = Json::encode("cart", &"shoes")?.decode::<u32>("cart").unwrap_err();
/// assert!(error.is_decode());
/// assert_eq!(error.key(), Some("cart"));
/// assert_eq!(error.to_string(), "session key \"cart\" holds a string, which can't be read as u32");
/// # Ok::<(), cloakroom_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Error(Box<Kind>);

#[derive(Debug)]
enum Kind {
    Encode { key: String, source: serde_json::Error },
    Inexact { key: String, reason: &'static str },
    Decode { key: String, found: &'static str, wanted: &'static str, why: Unreadable },
    TooLarge { size: usize, limit: usize, largest: Vec<(String, usize)> },
    Conflict { key: String },
    Reserved { key: String, framework: &'static str },
    Seal { size: usize },
    CookieValue { cookie: String, holds: &'static str },
}

impl Error {
    pub(crate) fn encode(key: &str, source: serde_json::Error) -> Self {
        let key = key.to_owned();
        Self(Box::new(Kind::Encode { key, source }))
    }

    /// Creates the error for a value that can't be written without a change, with the reason.
    ///
    /// For bridges: other frameworks keep fewer values than JSON does.
    #[must_use]
    pub fn inexact(key: &str, reason: &'static str) -> Self {
        let key = key.to_owned();
        Self(Box::new(Kind::Inexact { key, reason }))
    }

    pub(crate) fn decode(key: &str, found: &'static str, wanted: &'static str, why: Unreadable) -> Self {
        let key = key.to_owned();
        Self(Box::new(Kind::Decode { key, found, wanted, why }))
    }

    pub(crate) fn cookie_value(cookie: &str, holds: &'static str) -> Self {
        let cookie = cookie.to_owned();
        Self(Box::new(Kind::CookieValue { cookie, holds }))
    }

    pub(crate) fn conflict(key: &str) -> Self {
        let key = key.to_owned();
        Self(Box::new(Kind::Conflict { key }))
    }

    pub(crate) fn seal(size: usize) -> Self {
        Self(Box::new(Kind::Seal { size }))
    }

    /// Creates the error for a record of `size` bytes where `limit` are allowed.
    ///
    /// `largest` has the largest keys with their sizes. For factories.
    #[must_use]
    pub fn too_large(size: usize, limit: usize, largest: Vec<(String, usize)>) -> Self {
        Self(Box::new(Kind::TooLarge { size, limit, largest }))
    }

    /// Creates the error for a key that is reserved for another framework's data.
    ///
    /// For bridges, which share the session with that framework.
    #[must_use]
    pub fn reserved(key: &str, framework: &'static str) -> Self {
        let key = key.to_owned();
        Self(Box::new(Kind::Reserved { key, framework }))
    }

    /// Returns the key or flash queue at fault, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Encode { key, .. }
            | Kind::Inexact { key, .. }
            | Kind::Decode { key, .. }
            | Kind::Conflict { key }
            | Kind::Reserved { key, .. } => Some(key),
            Kind::TooLarge { largest, .. } => largest.first().map(|(key, _)| key.as_str()),
            Kind::Seal { .. } => None,
            Kind::CookieValue { .. } => None,
        }
    }

    /// Returns `true` if a value couldn't be written as JSON. Nothing was changed.
    #[must_use]
    pub fn is_encode(&self) -> bool {
        matches!(*self.0, Kind::Encode { .. } | Kind::Inexact { .. })
    }

    /// Returns `true` if a value couldn't be decoded as the requested type.
    ///
    /// The rest of the session stays usable.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        matches!(*self.0, Kind::Decode { .. })
    }

    /// Returns `true` if the session doesn't fit into its cookie.
    ///
    /// The browser keeps the previous one.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(*self.0, Kind::TooLarge { .. })
    }

    /// Returns `true` if another request changed the same key first.
    ///
    /// This happens only under the strict policy.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(*self.0, Kind::Conflict { .. })
    }

    /// Returns `true` if the key is reserved for another framework's data.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        matches!(*self.0, Kind::Reserved { .. })
    }

    /// Returns `true` if a payload couldn't be sealed. Nothing was sent.
    #[must_use]
    pub fn is_seal(&self) -> bool {
        matches!(*self.0, Kind::Seal { .. })
    }

    /// Returns `true` if a cookie's value has a forbidden character. Nothing was sent.
    #[must_use]
    pub fn is_cookie_value(&self) -> bool {
        matches!(*self.0, Kind::CookieValue { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Encode { key, .. } => {
                write!(f, "the value for session key {key:?} can't be written as JSON")
            }
            Kind::Inexact { key, reason } => {
                write!(f, "the value for session key {key:?} can't be written as JSON: {reason}")
            }
            Kind::Decode { key, found, wanted, why } => {
                write!(f, "session key {key:?} holds {found}, which can't be read as {wanted}")?;
                if why.is_plain() { Ok(()) } else { write!(f, ": {why}") }
            }
            Kind::TooLarge { size, limit, largest } => {
                write!(f, "the session's cookie would take {size} bytes, the limit is {limit}")?;
                for (index, (key, bytes)) in largest.iter().enumerate() {
                    let lead = if index == 0 { "; largest keys: " } else { ", " };
                    write!(f, "{lead}{key:?} ({bytes} bytes)")?;
                }
                Ok(())
            }
            Kind::Conflict { key } => {
                write!(f, "session key {key:?} was changed by another request since it was read")
            }
            Kind::Reserved { key, framework } => {
                write!(f, "session key {key:?} is reserved for {framework}")
            }
            Kind::Seal { size } => write!(f, "a payload of {size} bytes can't be sealed"),
            Kind::CookieValue { cookie, holds } => write!(f, "the value of cookie {cookie:?} holds {holds}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Kind::Encode { source, .. } => Some(source),
            Kind::Inexact { .. }
            | Kind::Decode { .. }
            | Kind::TooLarge { .. }
            | Kind::Conflict { .. }
            | Kind::Reserved { .. }
            | Kind::Seal { .. }
            | Kind::CookieValue { .. } => None,
        }
    }
}

/// The error for an invalid or weak configuration, found when it is built.
///
/// # Examples
/// ```
/// use cloakroom_core::Key;
///
/// let error = Key::new(b"too short").unwrap_err();
/// assert_eq!(error.option(), "key");
/// assert_eq!(error.to_string(), "key: has 9 bytes, at least 32 are needed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    option: &'static str,
    problem: String,
}

impl ConfigError {
    /// Creates the error for the option called `option`.
    ///
    /// The text must not contain a secret.
    #[must_use]
    pub fn new(option: &'static str, problem: impl Into<String>) -> Self {
        Self { option, problem: problem.into() }
    }

    /// Returns the option at fault.
    #[must_use]
    pub const fn option(&self) -> &'static str {
        self.option
    }

    /// Returns the description of the problem.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.problem)
    }
}

impl StdError for ConfigError {}
