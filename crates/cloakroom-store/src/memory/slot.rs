//! An entry of the store: a session or a tombstone.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use crate::entry::Entry;

/// The classes of entries, which are counted separately and have different eviction priorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Sessions without an owner.
    Visitor,
    /// Sessions with an owner, and their aliases.
    Owned,
    /// Tombstones.
    Mark,
}

/// One value for each class.
#[derive(Debug, Default)]
pub(super) struct PerClass<T> {
    visitors: T,
    owned: T,
    marks: T,
}

impl<T> PerClass<T> {
    pub(super) const fn of(&self, class: Class) -> &T {
        match class {
            Class::Visitor => &self.visitors,
            Class::Owned => &self.owned,
            Class::Mark => &self.marks,
        }
    }

    pub(super) const fn of_mut(&mut self, class: Class) -> &mut T {
        match class {
            Class::Visitor => &mut self.visitors,
            Class::Owned => &mut self.owned,
            Class::Mark => &mut self.marks,
        }
    }
}

/// A live session.
#[derive(Debug)]
pub(super) struct Live {
    /// Its version number.
    pub(super) version: u64,
    /// Its number in its owner's list; 0 without an owner.
    pub(super) arrival: u64,
    pub(super) entry: Entry,
}

/// The value stored under a key.
#[derive(Debug)]
pub(super) enum Held {
    Live(Live),
    Moved { to: StoreKey, until: Timestamp },
}

impl Held {
    pub(super) fn class(&self) -> Class {
        match self {
            // An alias is needed as long as the sessions of its owner.
            Self::Live(live) if live.entry.owner.is_some() || live.entry.is_alias() => Class::Owned,
            Self::Live(_) => Class::Visitor,
            Self::Moved { .. } => Class::Mark,
        }
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        match self {
            Self::Live(live) => live.entry.is_expired(now),
            Self::Moved { until, .. } => now > *until,
        }
    }

    /// Returns when it expires, if it does.
    pub(super) const fn end(&self) -> Option<Timestamp> {
        match self {
            Self::Live(live) => live.entry.deadline,
            Self::Moved { until, .. } => Some(*until),
        }
    }
}
