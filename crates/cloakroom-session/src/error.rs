//! The error that handlers see: one opaque type, with a predicate for each case that a caller acts
//! on.

use std::error::Error as StdError;
use std::fmt;

use cloakroom_core::Error as ValueError;

use crate::return_path::ReturnPath;

/// The time in seconds that a store typically needs to restart or fail over.
const RETRY_AFTER: u16 = 5;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// The error of an operation on a session.
///
/// Its message names the key, option or limit at fault, and never a value. The `is_…()` methods
/// tell the causes apart. With the feature of a web framework, the error is also a response, so
/// that handlers can use `?`: 503 if the store couldn't answer, 409 for a conflict, 403 if a user
/// must sign in, 307 or 403 if the device must prove itself, 500 otherwise. The message goes to the
/// trace, not to the client.
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
    MissingName { name: &'static str },
    TwoLayers { shared: String },
    Unavailable { source: Source },
    Corrupt { source: Source },
    Unsupported { source: Source },
    Replayable { key: String },
    TooManySessions { limit: usize },
    Alias { why: &'static str, is_taken: bool },
    Panicked,
    Contended { key: String },
    SignedOut,
    NotRecent,
    NotConfigured { option: &'static str },
    Unproven { target: Option<Target> },
}

/// The way back to a page that demanded a proof. `Debug` hides its query.
struct Target(ReturnPath);

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().split('?').next().unwrap_or_default())
    }
}

impl Error {
    /// Creates the error for a cookie after the response headers were sent.
    #[must_use]
    pub const fn headers_sent() -> Self {
        Self(Kind::HeadersSent)
    }

    /// Creates the error for a request of which a task has panicked. Nothing of it is committed.
    pub(crate) const fn panicked() -> Self {
        Self(Kind::Panicked)
    }

    /// Creates the error for a value that changed during every attempt to update it.
    pub(crate) fn contended(key: &str) -> Self {
        Self(Kind::Contended { key: key.to_owned() })
    }

    /// Creates the error for a missing layer; `layer` is the name of its type.
    ///
    /// For adapters.
    #[must_use]
    pub const fn missing_layer(layer: &'static str) -> Self {
        Self(Kind::MissingLayer { layer })
    }

    /// Creates the error for a CSRF layer without a session layer around it. Its own name doesn't
    /// tell which framework it is in.
    pub(crate) const fn no_session_around_csrf() -> Self {
        Self::missing_layer("the session layer (SessionLayer, SessionMiddleware, SessionHoop or SessionFairing)")
    }

    /// Creates the error for a name that no session layer around the handler has.
    pub(crate) fn missing_name<N>() -> Self {
        Self(Kind::MissingName { name: std::any::type_name::<N>() })
    }

    /// Creates the error for two session layers around one handler that set the same cookie.
    pub(crate) const fn two_layers(shared: String) -> Self {
        Self(Kind::TwoLayers { shared })
    }

    /// Creates the error for two session fairings that handlers couldn't tell apart.
    #[cfg(feature = "rocket")]
    pub(crate) fn two_of_one_name(name: Option<&str>) -> Self {
        let extractor = name.map_or("Session".to_owned(), |name| format!("NamedSession<{name}>"));
        Self(Kind::TwoLayers { shared: format!("the extractor {extractor}") })
    }

    /// Creates the error for a record of `size` bytes where `limit` are allowed.
    ///
    /// The message names the three largest keys. For factories.
    #[must_use]
    pub fn too_large(size: usize, limit: usize, record: &cloakroom_core::Record) -> Self {
        ValueError::too_large(size, limit, record.largest(3)).into()
    }

    /// Creates the error for a key that is reserved for another framework's data.
    ///
    /// For bridges, which share the session with that framework.
    #[must_use]
    pub fn reserved(key: &str, framework: &'static str) -> Self {
        ValueError::reserved(key, framework).into()
    }

    /// Creates the error for a value that can't be written without a change, with the reason.
    ///
    /// For bridges: other frameworks keep fewer values than JSON does.
    #[must_use]
    pub fn inexact(key: &str, reason: &'static str) -> Self {
        ValueError::inexact(key, reason).into()
    }

    /// Creates the error for a store or system that couldn't answer.
    ///
    /// For factories and stores. The text must not contain a secret.
    #[must_use]
    pub fn unavailable(source: impl Into<Source>) -> Self {
        let source = source.into();
        Self(Kind::Unavailable { source })
    }

    /// Creates the error for a stored record that is damaged or foreign.
    ///
    /// For factories and stores.
    #[must_use]
    pub fn corrupt(source: impl Into<Source>) -> Self {
        let source = source.into();
        Self(Kind::Corrupt { source })
    }

    /// Creates the error for an operation that the store doesn't support.
    ///
    /// For factories and stores.
    #[must_use]
    pub fn unsupported(source: impl Into<Source>) -> Self {
        let source = source.into();
        Self(Kind::Unsupported { source })
    }

    /// Creates the error for a value that must work once, in a session whose cookie has the record.
    pub(crate) fn replayable(key: &str) -> Self {
        Self(Kind::Replayable { key: key.to_owned() })
    }

    /// Creates the error for an owner who has reached the limit of sessions. For factories.
    #[must_use]
    pub const fn too_many_sessions(limit: usize) -> Self {
        Self(Kind::TooManySessions { limit })
    }

    /// Creates the error for an alias of a session that belongs to another owner. For factories.
    #[must_use]
    pub const fn alias_taken() -> Self {
        Self(Kind::Alias { why: "the alias belongs to a session of another owner", is_taken: true })
    }

    /// Creates the error for an alias that can't be set.
    pub(crate) const fn no_alias(why: &'static str) -> Self {
        Self(Kind::Alias { why, is_taken: false })
    }

    /// Creates the error for a handler that needs a signed-in user.
    pub(crate) const fn signed_out() -> Self {
        Self(Kind::SignedOut)
    }

    /// Creates the error for a handler that needs a recent authentication.
    pub(crate) const fn not_recent() -> Self {
        Self(Kind::NotRecent)
    }

    /// Creates the error for a session layer without an option that a handler needs.
    #[cfg_attr(not(feature = "dbsc"), expect(dead_code, reason = "only a binding to a device fails like this"))]
    pub(crate) const fn not_configured(option: &'static str) -> Self {
        Self(Kind::NotConfigured { option })
    }

    /// Creates the error for a request without a recent proof of its device. `target` is the path
    /// and query to return to after one.
    #[cfg_attr(not(feature = "dbsc"), expect(dead_code, reason = "only a binding to a device fails like this"))]
    pub(crate) fn unproven(target: Option<ReturnPath>) -> Self {
        Self(Kind::Unproven { target: target.map(Target) })
    }

    /// Returns the key or flash queue at fault, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        if let Kind::Contended { key } | Kind::Replayable { key } = &self.0 { Some(key) } else { self.value()?.key() }
    }

    const fn value(&self) -> Option<&ValueError> {
        match &self.0 {
            Kind::Value(error) => Some(error),
            Kind::HeadersSent
            | Kind::MissingLayer { .. }
            | Kind::MissingName { .. }
            | Kind::TwoLayers { .. }
            | Kind::Unavailable { .. }
            | Kind::Corrupt { .. }
            | Kind::Unsupported { .. }
            | Kind::Replayable { .. }
            | Kind::TooManySessions { .. }
            | Kind::Alias { .. }
            | Kind::Panicked
            | Kind::Contended { .. }
            | Kind::SignedOut
            | Kind::NotRecent
            | Kind::NotConfigured { .. }
            | Kind::Unproven { .. } => None,
        }
    }

    /// Returns `true` if a value couldn't be written as JSON. Nothing was changed.
    #[must_use]
    pub fn is_encode(&self) -> bool {
        self.value().is_some_and(ValueError::is_encode)
    }

    /// Returns `true` if a value couldn't be decoded as the requested type.
    ///
    /// The rest of the session stays usable.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.value().is_some_and(ValueError::is_decode)
    }

    /// Returns `true` if the session doesn't fit into its cookie.
    ///
    /// The browser keeps the previous one.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.value().is_some_and(ValueError::is_too_large)
    }

    /// Returns `true` if another change to the same key came first.
    ///
    /// There are three cases: under the strict policy, another request changed the key; a closure
    /// given to `update` changed its own key; or the session of a guard was invalidated.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.0, Kind::Contended { .. }) || self.value().is_some_and(ValueError::is_conflict)
    }

    /// Returns `true` if a task that used the session has panicked. Nothing was committed.
    #[must_use]
    pub const fn is_panicked(&self) -> bool {
        matches!(self.0, Kind::Panicked)
    }

    /// Returns `true` if the key is reserved for another framework's data.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.value().is_some_and(ValueError::is_reserved)
    }

    /// Returns `true` if a cookie's value has a forbidden character. Nothing was sent.
    #[must_use]
    pub fn is_cookie_value(&self) -> bool {
        self.value().is_some_and(ValueError::is_cookie_value)
    }

    /// Returns `true` if a cookie was needed after the response headers had been sent.
    #[must_use]
    pub const fn is_headers_sent(&self) -> bool {
        matches!(self.0, Kind::HeadersSent)
    }

    /// Returns `true` if a layer isn't installed, or no session layer has the requested name.
    ///
    /// The same error is returned if it is installed inside the layer that needs it.
    #[must_use]
    pub const fn is_missing_layer(&self) -> bool {
        matches!(self.0, Kind::MissingLayer { .. } | Kind::MissingName { .. })
    }

    /// Returns `true` if the store or the system couldn't answer. A retry may help.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self.0, Kind::Unavailable { .. })
    }

    /// Returns `true` if the session's stored record is damaged. A retry won't help.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.0, Kind::Corrupt { .. })
    }

    /// Returns `true` if the store doesn't support the operation.
    ///
    /// An example is listing an owner's sessions. Another is a session layer without the option
    /// that the operation needs. A retry won't help.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.0, Kind::Unsupported { .. } | Kind::Replayable { .. } | Kind::NotConfigured { .. })
    }

    /// Returns `true` if the owner has reached the limit of sessions.
    #[must_use]
    pub const fn is_too_many_sessions(&self) -> bool {
        matches!(self.0, Kind::TooManySessions { .. })
    }

    /// Returns `true` if a session of another owner has the alias: see
    /// [`Session::set_alias`](crate::Session::set_alias).
    #[must_use]
    pub const fn is_alias_taken(&self) -> bool {
        matches!(self.0, Kind::Alias { is_taken: true, .. })
    }

    /// Returns `true` if the handler needs a signed-in user: see
    /// [`Session::require_owner`](crate::Session::require_owner).
    #[must_use]
    pub const fn is_signed_out(&self) -> bool {
        matches!(self.0, Kind::SignedOut)
    }

    /// Returns `true` if the user must authenticate again: see
    /// [`Session::require_recent`](crate::Session::require_recent).
    #[must_use]
    pub const fn is_not_recent(&self) -> bool {
        matches!(self.0, Kind::NotRecent)
    }

    /// Returns `true` if the request has no recent proof of the device that its session is bound
    /// to: see `Session::demand_proof`.
    #[must_use]
    pub const fn is_unproven(&self) -> bool {
        matches!(self.0, Kind::Unproven { .. })
    }

    /// Returns the value of `Location`, for an error whose response is a redirect.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        if let Kind::Unproven { target } = &self.0 { target.as_ref().map(|target| target.0.as_str()) } else { None }
    }

    /// Returns the status of the response for this error.
    ///
    /// The body of that response must contain nothing but the reason phrase of the status.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.is_unavailable() {
            503
        } else if self.is_conflict() || self.is_too_many_sessions() || self.is_alias_taken() {
            409
        } else if self.location().is_some() {
            307
        } else if self.is_signed_out() || self.is_not_recent() || self.is_unproven() {
            403
        } else {
            500
        }
    }

    /// Returns the value of `Retry-After` in seconds, if a retry may help.
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
            Kind::MissingName { name } => write!(
                f,
                "no session layer around this handler has the name {name}: give it one with `.named::<{name}>()`"
            ),
            Kind::TwoLayers { shared } => write!(
                f,
                "two session layers around this handler share {shared}: install one layer and clones of it, or \
                 give each its own"
            ),
            Kind::Unavailable { .. } => f.write_str("the session's store couldn't answer"),
            Kind::Replayable { key } => write!(
                f,
                "session key {key:?} must work once, but a copy of an older cookie would bring it back: \
                 keep it in a session of a store"
            ),
            Kind::Unsupported { .. } => f.write_str("the session's store can't do that"),
            Kind::Corrupt { .. } => f.write_str("the session's record in the store is damaged"),
            Kind::Panicked => {
                f.write_str("a task that used the session panicked, so nothing of its request was stored")
            }
            Kind::Contended { key } => {
                write!(f, "session key {key:?} was changed by other code while it was being updated")
            }
            Kind::Alias { why, .. } => f.write_str(why),
            Kind::SignedOut => f.write_str("no user is signed in"),
            Kind::NotRecent => f.write_str("the user must authenticate again"),
            Kind::NotConfigured { option } => write!(f, "the session layer needs the option {option} for this"),
            Kind::Unproven { .. } => f.write_str("the device that the session is bound to must prove itself"),
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
            | Kind::MissingName { .. }
            | Kind::TwoLayers { .. }
            | Kind::TooManySessions { .. }
            | Kind::Replayable { .. }
            | Kind::Alias { .. }
            | Kind::Panicked
            | Kind::Contended { .. }
            | Kind::SignedOut
            | Kind::NotRecent
            | Kind::NotConfigured { .. }
            | Kind::Unproven { .. } => None,
        }
    }
}
