//! The state that all pages share.

use std::fmt;
use std::sync::Arc;

use cloakroom::{AnyStore, Clock, Sessions};

use crate::session_backend::SessionBackend;

/// The scheme under which browsers reach the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Https { "https" } else { "http" })
    }
}

/// The state of the application.
#[derive(Clone, Debug)]
pub(crate) struct AppState {
    /// The session backend, which the inspector and the list of devices use too.
    pub(crate) backend: SessionBackend,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scheme: Scheme,
}

impl AppState {
    /// Returns whether sessions can be bound to devices: over HTTPS, and in a store.
    pub(crate) fn binds(&self) -> bool {
        self.scheme == Scheme::Https && matches!(self.backend, SessionBackend::Store(_))
    }

    /// Returns the list of sessions by owner, if sessions are kept in a store.
    pub(crate) fn owners(&self) -> Option<Sessions<AnyStore>> {
        match &self.backend {
            SessionBackend::Cookies(_) => None,
            SessionBackend::Store(sessions) => Some(Sessions::new(sessions.clone()).clock(self.clock.clone())),
        }
    }
}
