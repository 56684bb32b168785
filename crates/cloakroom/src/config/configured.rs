//! The factory built from a configuration.

use std::sync::Arc;

use cloakroom_session::factory::{Commit, Committed, CookieHeader, EndReason, Presented, SessionFactory, SessionState};
use cloakroom_session::{Clock, CookieSessions, Error, Timestamp};
#[cfg(feature = "store")]
use cloakroom_store::{AnyStore, StoredSessions};

/// The factory that a [`SessionConfig`](super::SessionConfig) describes.
///
/// It keeps sessions in cookies or in a store.
///
/// Share it as `Arc<ConfiguredSessions>` if the application also lists the sessions of an owner.
#[derive(Debug)]
pub struct ConfiguredSessions(Inner);

#[derive(Debug)]
enum Inner {
    // Boxed, so that both variants are the size of a pointer.
    Cookies(Box<CookieSessions>),
    #[cfg(feature = "store")]
    Stored(Arc<StoredSessions<AnyStore>>),
}

impl ConfiguredSessions {
    pub(super) fn cookies(sessions: CookieSessions) -> Self {
        Self(Inner::Cookies(Box::new(sessions)))
    }

    #[cfg(feature = "store")]
    pub(super) fn stored(sessions: StoredSessions<AnyStore>) -> Self {
        Self(Inner::Stored(Arc::new(sessions)))
    }

    /// Returns the name of the cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.cookie_name(),
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.cookie_name(),
        }
    }

    /// Returns the sessions in a store, for `Sessions` and a `Sweeper`.
    ///
    /// `None` if the sessions are kept in cookies.
    #[cfg(feature = "store")]
    #[must_use]
    pub const fn as_stored(&self) -> Option<&Arc<StoredSessions<AnyStore>>> {
        match &self.0 {
            Inner::Cookies(_) => None,
            Inner::Stored(sessions) => Some(sessions),
        }
    }
}

impl SessionFactory for ConfiguredSessions {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.open(cookies, now).await,
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.open(cookies, now).await,
        }
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.commit(commit).await,
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.commit(commit).await,
        }
    }

    fn presented(&self, cookies: &CookieHeader<'_>, now: Timestamp) -> Presented {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.presented(cookies, now),
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.presented(cookies, now),
        }
    }

    fn cookie_names(&self) -> Vec<String> {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.cookie_names(),
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.cookie_names(),
        }
    }

    fn begins_as_given(&self) -> bool {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.begins_as_given(),
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.begins_as_given(),
        }
    }

    fn keeps_aliases(&self) -> bool {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.keeps_aliases(),
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.keeps_aliases(),
        }
    }

    fn keeps_bindings(&self) -> bool {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.keeps_bindings(),
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.keeps_bindings(),
        }
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.reload(session, now).await,
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.reload(session, now).await,
        }
    }

    async fn ended(&self, session: &SessionState, clock: &Arc<dyn Clock>) -> EndReason {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.ended(session, clock).await,
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.ended(session, clock).await,
        }
    }
}
