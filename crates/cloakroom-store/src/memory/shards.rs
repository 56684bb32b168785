//! All shards of a store, and how they are locked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_session::StoreKey;

use super::shard::Shard;

/// At least as many shards as cores are likely to ask for at the same time, twice over.
const FEWEST: usize = 64;
const MOST: usize = 1 << 16;

/// A shard has no more entries than this on average, so that a walk through one under its lock
/// takes a fraction of a millisecond.
pub(super) const LARGEST: usize = 4096;

/// A small store needs few shards, or the smallest of them would have room for none.
const SMALLEST: usize = 64;

pub(super) type Locked<'a> = MutexGuard<'a, Shard>;

#[derive(Debug)]
pub(super) struct Shards(Box<[Mutex<Shard>]>);

impl Shards {
    /// Shards for so many entries.
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
        // A panic leaves at most a key in a list whose entry is gone, or an entry that no list has.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index_of(&self, key: &StoreKey) -> usize {
        // A hash already: any bytes of it are as good as random.
        let [one, other, ..] = *key.as_bytes();
        usize::from(u16::from_be_bytes([one, other])) & (self.0.len() - 1)
    }

    pub(super) fn of(&self, key: &StoreKey) -> Locked<'_> {
        self.at(self.index_of(key))
    }

    /// Locks the shards of two keys in the order of their indices, so that two moves can't wait for
    /// each other.
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
