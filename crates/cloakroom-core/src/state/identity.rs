//! Which session a request has: one value, so that states that make no sense cannot be expressed.

use crate::id::SessionId;

/// Which session a request has, and what it has done to its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The request brought no session that opens. One begins if something is stored.
    New,
    /// The request's cookie opened this session.
    Loaded(SessionId),
    /// The request's cookie opened this session, and the commit moves it to a new id.
    Cycling(SessionId),
    /// The request ended this session. A new one begins if something is stored afterwards.
    Ended(SessionId),
    /// The presented id has moved on, or its session has ended. The session is empty, writes are
    /// dropped, and no cookie is sent that could undo a newer one. The id is kept for a sign-out:
    /// it ends the session wherever that has moved to.
    Detached(Option<SessionId>),
}

impl Identity {
    /// The id of the session that is open.
    pub(crate) const fn id(self) -> Option<SessionId> {
        match self {
            Self::Loaded(id) | Self::Cycling(id) => Some(id),
            Self::New | Self::Ended(_) | Self::Detached(_) => None,
        }
    }

    /// The id that the request presented, whether or not it still opens a session.
    pub(crate) const fn presented(self) -> Option<SessionId> {
        match self {
            Self::Loaded(id) | Self::Cycling(id) | Self::Ended(id) => Some(id),
            Self::Detached(id) => id,
            Self::New => None,
        }
    }

    /// The identity after `cycle_id`.
    pub(crate) const fn cycled(self) -> Self {
        match self {
            Self::Loaded(id) | Self::Cycling(id) => Self::Cycling(id),
            // A sign-in works on a detached session as well: it begins a new one.
            Self::New | Self::Detached(_) => Self::New,
            // The session that begins gets an id of its own anyway.
            Self::Ended(id) => Self::Ended(id),
        }
    }

    /// The identity after `invalidate`.
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
