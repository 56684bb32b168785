//! The identity of a request's session, as one value, so that invalid states can't be expressed.

use crate::id::SessionId;

/// The identity of a request's session, and the changes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The request brought no valid session. One is created if something is stored.
    New,
    /// The request's cookie opened this session.
    Loaded(SessionId),
    /// The request's cookie opened this session, and the commit moves it to a new id.
    Cycling(SessionId),
    /// The request ended this session. A new one is created if something is stored afterwards.
    Ended(SessionId),
    /// The presented id has moved, or its session has ended. The session is empty, writes are
    /// dropped, and no cookie is sent that could undo a newer one. The id is kept for a sign-out,
    /// which ends the session under its new id.
    Detached(Option<SessionId>),
}

/// An id under which no session has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reserved {
    pub(crate) id: SessionId,
    /// The browser has the id in its cookie, or gets it with this response.
    pub(crate) is_sent: bool,
}

impl Identity {
    /// Returns the id of the open session.
    pub(crate) const fn id(self) -> Option<SessionId> {
        match self {
            Self::Loaded(id) | Self::Cycling(id) => Some(id),
            Self::New | Self::Ended(_) | Self::Detached(_) => None,
        }
    }

    /// Returns the id that the request presented, even if it no longer opens a session.
    pub(crate) const fn presented(self) -> Option<SessionId> {
        match self {
            Self::Loaded(id) | Self::Cycling(id) | Self::Ended(id) => Some(id),
            Self::Detached(id) => id,
            Self::New => None,
        }
    }

    /// Returns the identity after `cycle_id`.
    pub(crate) const fn cycled(self) -> Self {
        match self {
            Self::Loaded(id) | Self::Cycling(id) => Self::Cycling(id),
            // A sign-in also works on a detached session: it creates a new one.
            Self::New | Self::Detached(_) => Self::New,
            // The new session gets a new id anyway.
            Self::Ended(id) => Self::Ended(id),
        }
    }

    /// Returns the identity after `invalidate`.
    pub(crate) const fn invalidated(self) -> Self {
        match self {
            Self::Loaded(id) | Self::Cycling(id) | Self::Ended(id) | Self::Detached(Some(id)) => Self::Ended(id),
            Self::New => Self::New,
            Self::Detached(None) => Self::Detached(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Identity::{Cycling, Detached, Ended, Loaded, New};
    use super::*;

    const ID: SessionId = SessionId::from_random([7; 32]);

    #[test]
    fn every_identity_has_a_successor() {
        #[rustfmt::skip] // one row, one line
        let rows: &[(&str, Identity, Identity, Identity)] = &[
            ("new", New, New, New),
            ("loaded", Loaded(ID), Cycling(ID), Ended(ID)),
            ("cycling", Cycling(ID), Cycling(ID), Ended(ID)),
            ("ended", Ended(ID), Ended(ID), Ended(ID)),
            ("detached with the id that was presented", Detached(Some(ID)), New, Ended(ID)),
            ("detached without an id", Detached(None), New, Detached(None)),
        ];
        for (name, identity, cycled, invalidated) in rows {
            assert_eq!(identity.cycled(), *cycled, "{name}, cycled");
            assert_eq!(identity.invalidated(), *invalidated, "{name}, invalidated");
        }
    }
}
