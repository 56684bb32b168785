//! The factory that a configuration makes.

use cloakroom_session::{
    Commit, Committed, CookieHeader, CookieSessions, Error, SessionFactory, SessionState, Timestamp,
};
#[cfg(feature = "store")]
use cloakroom_store::{AnyStore, StoredSessions};

/// Sessions in cookies or in a store, as a [`SessionConfig`](super::SessionConfig) says.
///
/// Share it as `Arc<ConfiguredSessions>` where the application also lists the sessions of an owner.
#[derive(Debug)]
pub struct ConfiguredSessions(Inner);

#[derive(Debug)]
enum Inner {
    // In a box: a store's is a pointer, too.
    Cookies(Box<CookieSessions>),
    #[cfg(feature = "store")]
    Stored(std::sync::Arc<StoredSessions<AnyStore>>),
}

impl ConfiguredSessions {
    pub(super) fn cookies(sessions: CookieSessions) -> Self {
        Self(Inner::Cookies(Box::new(sessions)))
    }

    #[cfg(feature = "store")]
    pub(super) fn stored(sessions: StoredSessions<AnyStore>) -> Self {
        Self(Inner::Stored(std::sync::Arc::new(sessions)))
    }

    /// The cookie's name.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.cookie_name(),
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.cookie_name(),
        }
    }

    /// The sessions in a store, for `Sessions` and a `Sweeper`; nothing where they live in cookies.
    #[cfg(feature = "store")]
    #[must_use]
    pub const fn as_stored(&self) -> Option<&std::sync::Arc<StoredSessions<AnyStore>>> {
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

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        match &self.0 {
            Inner::Cookies(sessions) => sessions.reload(session, now).await,
            #[cfg(feature = "store")]
            Inner::Stored(sessions) => sessions.reload(session, now).await,
        }
    }
}
