//! The copies under some of the keys, and the loads in progress.

use std::collections::HashMap;
use std::mem;
use std::time::Instant;

use cloakroom_session::factory::{StoreKey, Version};

use super::kept::{Copy, Kept};
use crate::entry::Entry;

/// The copies, and the loads that may add one.
///
/// The result of a load is kept only if nothing was invalidated since the load began. Otherwise an
/// invalidation that arrives between the store's answer and the insertion would leave a copy that
/// is out of date, with no further invalidation to come.
#[derive(Debug)]
pub(super) struct Shard {
    kept: Kept,
    /// The loads in progress. The client chooses these keys, so this map has a seeded hash.
    flights: HashMap<StoreKey, Flight>,
    /// The number of times that everything was invalidated.
    generation: u64,
}

/// The loads in progress of one key.
#[derive(Debug, Default)]
struct Flight {
    loads: usize,
    /// The number of invalidations while loads of the key are in progress.
    hints: u64,
    /// The newest version that was kept in the meantime. A load that is slower than a later one
    /// has an older answer.
    floor: Option<Version>,
}

/// A load in progress, with the invalidations that came before it.
#[derive(Debug)]
#[must_use]
pub(super) struct Ticket {
    generation: u64,
    hints: u64,
}

impl Shard {
    pub(super) fn new(bytes: usize) -> Self {
        Self { kept: Kept::new(bytes), flights: HashMap::new(), generation: 0 }
    }

    pub(super) fn get(&mut self, key: &StoreKey) -> Option<&Copy> {
        self.kept.get(key)
    }

    /// Begins a load. Call it before the store is asked.
    pub(super) fn begin(&mut self, key: &StoreKey) -> Ticket {
        let flight = self.flights.entry(*key).or_default();
        flight.loads += 1;
        Ticket { generation: self.generation, hints: flight.hints }
    }

    /// Ends a load. Returns the number of evicted copies.
    pub(super) fn end(&mut self, key: &StoreKey, ticket: &Ticket, loaded: Option<(Version, &Entry, Instant)>) -> usize {
        let Some(flight) = self.flights.get_mut(key) else { return 0 };
        let is_current = ticket.generation == self.generation && ticket.hints == flight.hints;
        let mut evicted = 0;
        if let Some((version, entry, since)) = loaded
            && is_current
            && [flight.floor.as_ref(), self.kept.version(key)].into_iter().flatten().all(|seen| version >= *seen)
        {
            flight.floor = Some(version.clone());
            evicted = self.kept.put(*key, Copy::new(version, entry, since));
        }
        flight.loads -= 1;
        if flight.loads == 0 {
            self.flights.remove(key);
        }
        evicted
    }

    /// Invalidates a key: its copy is gone, and loads in progress add none.
    pub(super) fn invalidate(&mut self, key: &StoreKey) {
        self.kept.remove(key);
        if let Some(flight) = self.flights.get_mut(key) {
            flight.hints += 1;
        }
    }

    /// Invalidates the sessions of an owner. The owners of loads in progress are unknown.
    pub(super) fn invalidate_owned(&mut self, owner: &str) {
        self.kept.remove_owned(owner);
        self.flights.values_mut().for_each(|flight| flight.hints += 1);
    }

    /// Invalidates everything. Returns the copies, to be dropped without the lock.
    pub(super) fn invalidate_all(&mut self) -> Kept {
        self.generation += 1;
        let empty = self.kept.emptied();
        mem::replace(&mut self.kept, empty)
    }

    /// Returns the number of copies and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        self.kept.size()
    }
}
