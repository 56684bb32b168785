//! What can go wrong for a handler: one opaque error, with a question for each thing a caller acts
//! on.

use std::error::Error as StdError;
use std::fmt;

use cloakroom_core::Error as ValueError;

/// Long enough for a store to be restarted or to fail over, in seconds.
const RETRY_AFTER: u16 = 5;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// Why an operation on a session failed.
///
/// It names the key, option or limit at fault, and never a value. Ask `is_…()` for what you act on.
/// With the feature of a web framework it is a response too, so that handlers can use `?`: 503 if
/// the store couldn't answer, 409 for a conflict, 500 for the rest. What it says goes to the trace,
/// not to the client.
///
/// # Examples
/// ```
/// # let session = cloakroom_session::Session::for_tests();
/// session.insert("cart", "shoes")?;
/// let error = session.get::<u32>("cart").unwrap_err();
/// assert!(error.is_decode());
/// assert_eq!(error.key(), Some("cart"));
/// # Ok::<(), cloakroom_session::Error>(())
/// ```
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Value(ValueError),
    HeadersSent,
    MissingLayer { layer: &'static str },
    Unavailable { source: Source },
    Corrupt { source: Source },
    Unsupported { source: Source },
    TooManySessions { limit: usize },
    Panicked,
    Contended { key: String },
}

impl Error {
    /// The response's headers are on their way: a cookie can't be sent any more.
    #[must_use]
    pub const fn headers_sent() -> Self {
        Self(Kind::HeadersSent)
    }

    /// A task that used the session has panicked: nothing of its request is committed.
    pub(crate) const fn panicked() -> Self {
        Self(Kind::Panicked)
    }

    /// The value under a key changed each time while it was being changed.
    pub(crate) fn contended(key: &str) -> Self {
        Self(Kind::Contended { key: key.to_owned() })
    }

    /// A layer that the caller needs isn't installed; `layer` is its type's name. For adapters.
    #[must_use]
    pub const fn missing_layer(layer: &'static str) -> Self {
        Self(Kind::MissingLayer { layer })
    }

    /// A record that takes `size` bytes where `limit` are allowed; names its three largest keys.
    /// For factories.
    #[must_use]
    pub fn too_large(size: usize, limit: usize, record: &cloakroom_core::Record) -> Self {
        ValueError::too_large(size, limit, record.largest(3)).into()
    }

    /// A key under which another framework, with which the session is shared, keeps something of
    /// its own. For bridges.
    #[must_use]
    pub fn reserved(key: &str, framework: &'static str) -> Self {
        ValueError::reserved(key, framework).into()
    }

    /// The store or the system couldn't answer. For factories and stores; the text must not hold a
    /// secret.
    #[must_use]
    pub fn unavailable(source: impl Into<Source>) -> Self {
        let source = source.into();
        Self(Kind::Unavailable { source })
    }

    /// What the store holds was not written by us, or was damaged since. For factories and stores.
    #[must_use]
    pub fn corrupt(source: impl Into<Source>) -> Self {
        let source = source.into();
        Self(Kind::Corrupt { source })
    }

    /// The store can't do what was asked, today or ever. For factories and stores.
    #[must_use]
    pub fn unsupported(source: impl Into<Source>) -> Self {
        let source = source.into();
        Self(Kind::Unsupported { source })
    }

    /// An owner has as many sessions as are allowed, and the new one is refused. For factories.
    #[must_use]
    pub const fn too_many_sessions(limit: usize) -> Self {
        Self(Kind::TooManySessions { limit })
    }

    /// The key (or flash queue) at fault, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        if let Kind::Contended { key } = &self.0 { Some(key) } else { self.value()?.key() }
    }

    const fn value(&self) -> Option<&ValueError> {
        match &self.0 {
            Kind::Value(error) => Some(error),
            Kind::HeadersSent
            | Kind::MissingLayer { .. }
            | Kind::Unavailable { .. }
            | Kind::Corrupt { .. }
            | Kind::Unsupported { .. }
            | Kind::TooManySessions { .. }
            | Kind::Panicked
            | Kind::Contended { .. } => None,
        }
    }

    /// A value couldn't be written as JSON. Nothing was changed.
    #[must_use]
    pub fn is_encode(&self) -> bool {
        self.value().is_some_and(ValueError::is_encode)
    }

    /// A value couldn't be read as the type asked for. The rest of the session is unaffected.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.value().is_some_and(ValueError::is_decode)
    }

    /// The session doesn't fit into its cookie. The browser keeps the one it has.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.value().is_some_and(ValueError::is_too_large)
    }

    /// Another request changed the same key first, under the strict policy; or a closure given to
    /// `update` changed its own key; or the session of a guard was invalidated.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.0, Kind::Contended { .. }) || self.value().is_some_and(ValueError::is_conflict)
    }

    /// A task that used the session has panicked: nothing of its request is committed.
    #[must_use]
    pub const fn is_panicked(&self) -> bool {
        matches!(self.0, Kind::Panicked)
    }

    /// Another framework, with which the session is shared, keeps something of its own under this
    /// key.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.value().is_some_and(ValueError::is_reserved)
    }

    /// A cookie's value has a character that no cookie may have. Nothing was sent.
    #[must_use]
    pub fn is_cookie_value(&self) -> bool {
        self.value().is_some_and(ValueError::is_cookie_value)
    }

    /// The response's headers had been sent when a cookie was needed.
    #[must_use]
    pub const fn is_headers_sent(&self) -> bool {
        matches!(self.0, Kind::HeadersSent)
    }

    /// A layer isn't installed, or is installed inside of what needs it.
    #[must_use]
    pub const fn is_missing_layer(&self) -> bool {
        matches!(self.0, Kind::MissingLayer { .. })
    }

    /// The store or the system couldn't answer; trying again may help.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self.0, Kind::Unavailable { .. })
    }

    /// What the store holds under the session's key is damaged: trying again won't help.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.0, Kind::Corrupt { .. })
    }

    /// The store can't do what was asked, as to list an owner's sessions: trying again won't help.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.0, Kind::Unsupported { .. })
    }

    /// The owner has as many sessions as are allowed.
    #[must_use]
    pub const fn is_too_many_sessions(&self) -> bool {
        matches!(self.0, Kind::TooManySessions { .. })
    }

    /// The status of the response that tells the client. Its body must be no more than the status'
    /// own words.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.is_unavailable() {
            503
        } else if self.is_conflict() || self.is_too_many_sessions() {
            409
        } else {
            500
        }
    }

    /// For `Retry-After`, in seconds: when trying again may help.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u16> {
        if self.is_unavailable() { Some(RETRY_AFTER) } else { None }
    }
}

impl From<ValueError> for Error {
    fn from(error: ValueError) -> Self {
        Self(Kind::Value(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Value(error) => error.fmt(f),
            Kind::HeadersSent => {
                f.write_str("the response's headers were already sent, so its cookie can't change any more")
            }
            Kind::MissingLayer { layer } => write!(
                f,
                "{layer} isn't installed around this handler: add it to the router, outside of everything that uses it"
            ),
            Kind::Unavailable { .. } => f.write_str("the session's store couldn't answer"),
            Kind::Unsupported { .. } => f.write_str("the session's store can't do that"),
            Kind::Corrupt { .. } => f.write_str("what the store holds of the session is damaged"),
            Kind::Panicked => {
                f.write_str("a task that used the session panicked, so nothing of its request was stored")
            }
            Kind::Contended { key } => {
                write!(f, "session key {key:?} was changed by something else while it was being changed")
            }
            Kind::TooManySessions { limit } => write!(f, "the owner has {limit} sessions already, which is the limit"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Value(error) => error.source(),
            Kind::Unavailable { source } | Kind::Corrupt { source } | Kind::Unsupported { source } => Some(&**source),
            Kind::HeadersSent
            | Kind::MissingLayer { .. }
            | Kind::TooManySessions { .. }
            | Kind::Panicked
            | Kind::Contended { .. } => None,
        }
    }
}
