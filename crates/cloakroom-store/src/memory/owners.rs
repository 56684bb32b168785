//! The owner index: for each owner a list of sessions, oldest first.
//!
//! An owner's list is guarded by one lock, independent of the shards of its sessions. A session
//! keeps its place in the list when it moves to another key, so that a paged walk through the list
//! visits each session that lives during the entire walk.
//!
//! Lock order: a shard before a list, never the reverse.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

const SHELVES: usize = 64;

/// A session's place in its owner's list: by creation time, then by order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) created: Timestamp,
    pub(super) arrival: u64,
}

#[derive(Debug)]
pub(super) struct Owners {
    shelves: Box<[Mutex<Shelf>]>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shelf {
    /// Hashed with a secret, because users choose their names.
    lists: HashMap<Box<str>, List>,
    arrivals: u64,
}

/// Most owners have one session, for which a tree would be half a kilobyte.
#[derive(Debug)]
enum List {
    One(Place, StoreKey),
    Many(BTreeMap<Place, StoreKey>),
}

impl List {
    fn insert(&mut self, place: Place, key: StoreKey) {
        match self {
            Self::One(first, one) => *self = Self::Many(BTreeMap::from([(*first, *one), (place, key)])),
            Self::Many(keys) => _ = keys.insert(place, key),
        }
    }

    fn get_mut(&mut self, place: Place) -> Option<&mut StoreKey> {
        match self {
            Self::One(there, key) if *there == place => Some(key),
            Self::One(..) => None,
            Self::Many(keys) => keys.get_mut(&place),
        }
    }

    /// Removes a session. Returns whether the list is empty now.
    fn remove(&mut self, place: Place) -> bool {
        match self {
            Self::One(there, _) => *there == place,
            Self::Many(keys) => {
                keys.remove(&place);
                keys.is_empty()
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::Many(keys) => keys.len(),
        }
    }
}

impl Owners {
    pub(super) fn new() -> Self {
        Self { shelves: (0..SHELVES).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    fn shelf(&self, owner: &str) -> MutexGuard<'_, Shelf> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        let index = self.hasher.hash_one(owner) as usize % SHELVES;
        #[expect(clippy::indexing_slicing, reason = "an index below SHELVES")]
        let shelf = &self.shelves[index];
        shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a session. Returns its number among those of the same creation time.
    pub(super) fn add(&self, owner: &str, created: Timestamp, key: StoreKey) -> u64 {
        let mut shelf = self.shelf(owner);
        shelf.arrivals += 1;
        let place = Place { created, arrival: shelf.arrivals };
        match shelf.lists.get_mut(owner) {
            Some(list) => list.insert(place, key),
            None => _ = shelf.lists.insert(owner.into(), List::One(place, key)),
        }
        place.arrival
    }

    /// Changes the key of a session, in the same place.
    pub(super) fn moved(&self, owner: &str, place: Place, new: StoreKey) {
        if let Some(key) = self.shelf(owner).lists.get_mut(owner).and_then(|list| list.get_mut(place)) {
            *key = new;
        }
    }

    pub(super) fn remove(&self, owner: &str, place: Place) {
        let mut shelf = self.shelf(owner);
        if shelf.lists.get_mut(owner).is_some_and(|list| list.remove(place)) {
            shelf.lists.remove(owner);
        }
    }

    /// Returns the number of sessions in an owner's list, including expired ones.
    pub(super) fn count(&self, owner: &str) -> usize {
        self.shelf(owner).lists.get(owner).map_or(0, List::len)
    }

    /// Returns the key in this place.
    pub(super) fn at(&self, owner: &str, place: Place) -> Option<StoreKey> {
        self.shelf(owner).lists.get_mut(owner)?.get_mut(place).copied()
    }

    /// Returns at most `limit` sessions after a place, oldest first.
    pub(super) fn after(&self, owner: &str, after: Option<Place>, limit: usize) -> Vec<(Place, StoreKey)> {
        match self.shelf(owner).lists.get(owner) {
            None => Vec::new(),
            Some(List::One(place, key)) => {
                let is_behind = after.is_none_or(|after| *place > after) && limit > 0;
                is_behind.then_some((*place, *key)).into_iter().collect()
            }
            Some(List::Many(keys)) => {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                keys.range((from, Bound::Unbounded)).take(limit).map(|(place, key)| (*place, *key)).collect()
            }
        }
    }
}
