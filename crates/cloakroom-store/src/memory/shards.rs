//! All shards of a store, and their locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_session::factory::StoreKey;

use super::shard::Shard;

/// At least twice the number of cores that are likely to access the store concurrently.
const FEWEST: usize = 64;
const MOST: usize = 1 << 16;

/// The maximum average number of entries per shard, so that a walk through one shard holds its lock
/// for a fraction of a millisecond.
pub(super) const LARGEST: usize = 4096;

/// The minimum average number of entries per shard: a small store needs few shards, or the smallest
/// would have no room.
const SMALLEST: usize = 64;

pub(super) type Locked<'a> = MutexGuard<'a, Shard>;

#[derive(Debug)]
pub(super) struct Shards(Box<[Mutex<Shard>]>);

impl Shards {
    /// Creates the shards for this capacity.
    pub(super) fn new(capacity: usize) -> Self {
        let some = FEWEST.min(capacity.div_ceil(SMALLEST));
        let count = capacity.div_ceil(LARGEST).max(some).checked_next_power_of_two().map_or(MOST, |it| it.min(MOST));
        Self((0..count).map(|_| Mutex::default()).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Locks a shard; the index wraps around.
    pub(super) fn at(&self, index: usize) -> Locked<'_> {
        #[expect(clippy::indexing_slicing, reason = "the number of shards is a power of two")]
        let shard = &self.0[index & (self.0.len() - 1)];
        // A panic leaves at most a key in a list without an entry, or an entry that is in no list.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index_of(&self, key: &StoreKey) -> usize {
        // A key is already a hash, so any of its bytes are as good as random.
        let [one, other, ..] = *key.as_bytes();
        usize::from(u16::from_be_bytes([one, other])) & (self.0.len() - 1)
    }

    pub(super) fn of(&self, key: &StoreKey) -> Locked<'_> {
        self.at(self.index_of(key))
    }

    /// Locks the shards of two keys in the order of their indices, so that two moves cannot
    /// deadlock.
    pub(super) fn of_both(&self, old: &StoreKey, new: &StoreKey) -> Both<'_> {
        let (old, new) = (self.index_of(old), self.index_of(new));
        match old.cmp(&new) {
            std::cmp::Ordering::Equal => Both::One(self.at(old)),
            std::cmp::Ordering::Less => {
                let old = self.at(old);
                Both::Two { old, new: self.at(new) }
            }
            std::cmp::Ordering::Greater => {
                let new = self.at(new);
                Both::Two { old: self.at(old), new }
            }
        }
    }
}

/// The shards of a session's old key and of its new key, locked.
pub(super) enum Both<'a> {
    One(Locked<'a>),
    Two { old: Locked<'a>, new: Locked<'a> },
}

impl Both<'_> {
    pub(super) fn source(&mut self) -> &mut Shard {
        match self {
            Self::One(shard) | Self::Two { old: shard, .. } => shard,
        }
    }

    pub(super) fn target(&mut self) -> &mut Shard {
        match self {
            Self::One(shard) | Self::Two { new: shard, .. } => shard,
        }
    }
}
