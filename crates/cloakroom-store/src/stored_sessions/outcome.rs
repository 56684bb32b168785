//! The results of loads, writes and commits.

use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{Record, SessionId, StoreKey, Version};

use crate::error::StoreError;
use crate::store::Loaded;

/// The result of a load, with the record decoded.
#[derive(Clone)]
pub(crate) enum Found {
    Live(Version, Arc<Record>),
    Moved,
    Absent,
}

impl Found {
    /// Adjusts the result of another request's load to this request's clock.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Live(_, record) if record.times().expired(now).is_some() => Self::Absent,
            Self::Live(..) | Self::Moved | Self::Absent => self,
        }
    }

    pub(crate) fn under(key: &StoreKey, loaded: Loaded) -> Result<Self, StoreError> {
        Ok(match loaded {
            Loaded::Live(version, entry) => Self::Live(version, entry.record(key)?),
            Loaded::Moved => Self::Moved,
            Loaded::Absent => Self::Absent,
        })
    }
}

/// The result of a write.
#[derive(Clone)]
pub(crate) enum Written {
    /// The record was written, with this version.
    Yes(Version, Arc<Record>),
    /// The session has ended or moved.
    Dropped,
}

impl Written {
    /// Returns the state of the store after the commit of the session with this id.
    pub(super) fn under(self, id: SessionId) -> Outcome {
        match self {
            Self::Yes(version, record) => Outcome::Kept(id, version, record),
            Self::Dropped => Outcome::Dropped,
        }
    }
}

/// The state of the store after a commit.
pub(crate) enum Outcome {
    Kept(SessionId, Version, Arc<Record>),
    Ended {
        was_there: bool,
    },
    /// The session had ended in the meantime. The changes are dropped, and no cookie is sent,
    /// because the browser may already have a newer one.
    Dropped,
    /// The visitor gets a token and no record.
    TokenIssued,
    Untouched,
}
