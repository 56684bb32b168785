//! The id of a visitor without a session: a session begins under it when something is stored.
//!
//! The cookie has `new.` and the id, and the visitor's CSRF token is derived from the id. `open`
//! looks for a session under it. Without one, the session is new, and its first commit creates it
//! under this id (`begin_reserved`). Concurrent first writes are
//! therefore conflicts of one session, and none is lost. The browser keeps its cookie, so a slow
//! response can't replace that of a sign-in.
//!
//! A sign-in first stores the empty session, and then moves it as always. The tombstone under the
//! reserved id makes slow first writes recognise that the session has moved.

use cloakroom_session::Error;
use cloakroom_session::factory::{Commit, CookieTemplate, SessionId, SetCookie};

/// An id in a cookie.
#[derive(Clone, Copy)]
pub(super) enum Named {
    /// The id of a session.
    Begun(SessionId),
    /// An id under which a session may have begun.
    Reserved(SessionId),
}

impl Named {
    pub(super) fn parse(value: &str) -> Option<Self> {
        SessionId::parse(value).map(Self::Begun).or_else(|| SessionId::parse_reserved(value).map(Self::Reserved))
    }

    pub(super) const fn id(self) -> SessionId {
        match self {
            Self::Begun(id) | Self::Reserved(id) => id,
        }
    }
}

/// Returns the cookie with the reserved id. Browsers keep it until they are closed.
pub(super) fn cookie(cookie: &CookieTemplate, commit: &Commit) -> Result<Vec<SetCookie>, Error> {
    let value = commit.session().reserved_id().map(|id| id.expose_reserved());
    Ok(value.map(|value| cookie.set_all(&value, None)).transpose()?.unwrap_or_default())
}
