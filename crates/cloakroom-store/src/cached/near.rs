//! All copies, and the events that invalidate them.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use super::shard::{Shard, Ticket};
use super::stats::{Counters, Event};
use crate::entry::Entry;
use crate::feed::Listener;

/// The number of locks.
const SHARDS: usize = 16;

/// The number of tombstones that are remembered.
const MOST_MOVED: usize = 4096;

pub(super) struct Near {
    shards: [Mutex<Shard>; SHARDS],
    /// Keys at which this process has seen a tombstone. Ending one of them ends a session under a
    /// key that is unknown here.
    moved: Mutex<HashSet<StoreKey>>,
    pub(super) counters: Counters,
}

impl Near {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(bytes / SHARDS))),
            moved: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// Returns the copy under a key, and when it was loaded, unless it has expired.
    pub(super) fn get(&self, key: &StoreKey, now: Timestamp) -> Option<(Version, Entry, Instant)> {
        let mut shard = self.shard(key);
        let copy = shard.get(key)?;
        if copy.entry.is_expired(now) {
            // Another process may have extended it: the store decides.
            shard.invalidate(key);
            return None;
        }
        Some((copy.version.clone(), copy.entry.clone(), copy.since))
    }

    /// Begins a load, which ends when the returned value is dropped.
    pub(super) fn load<'a>(&'a self, key: &'a StoreKey) -> Load<'a> {
        let ticket = self.shard(key).begin(key);
        Load { near: self, key, ticket, kept: None }
    }

    /// Invalidates a scope now and when the returned value is dropped: before a write of this
    /// process is sent, and when it returns, fails or is given up.
    pub(super) fn write<'a>(&'a self, scope: Scope<'a>) -> Write<'a> {
        self.invalidate(scope);
        Write { near: self, scope }
    }

    /// Returns the scope of an end of the session under a key.
    pub(super) fn scope_of_end<'a>(&self, key: &'a StoreKey) -> Scope<'a> {
        if self.moved().contains(key) { Scope::All } else { Scope::Key(key) }
    }

    /// Remembers that there is a tombstone under a key.
    pub(super) fn has_moved(&self, key: &StoreKey) {
        let mut moved = self.moved();
        if moved.len() >= MOST_MOVED {
            moved.clear();
        }
        moved.insert(*key);
    }

    /// Returns the number of copies and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let sizes = self.shards.iter().map(|shard| lock(shard).size());
        sizes.fold((0, 0), |(copies, bytes), (more, their)| (copies + more, bytes + their))
    }

    fn invalidate(&self, scope: Scope<'_>) {
        match scope {
            Scope::Key(key) => self.shard(key).invalidate(key),
            Scope::Both(one, other) => [one, other].into_iter().for_each(|key| self.shard(key).invalidate(key)),
            Scope::Owner(owner) => self.shards.iter().for_each(|shard| lock(shard).invalidate_owned(owner)),
            Scope::All => self.shards.iter().for_each(|shard| {
                let copies = lock(shard).invalidate_all();
                drop(copies);
            }),
        }
    }

    fn shard(&self, key: &StoreKey) -> MutexGuard<'_, Shard> {
        let [first, ..] = *key.as_bytes();
        let [.., last] = &self.shards;
        lock(self.shards.get(usize::from(first) % SHARDS).unwrap_or(last))
    }

    fn moved(&self) -> MutexGuard<'_, HashSet<StoreKey>> {
        lock(&self.moved)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener for Near {
    fn changed(&self, key: &StoreKey) {
        self.counters.count(Event::Hint);
        self.invalidate(Scope::Key(key));
    }

    fn all_changed(&self) {
        self.counters.count(Event::Reset);
        self.invalidate(Scope::All);
    }
}

impl fmt::Debug for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (copies, bytes) = self.size();
        f.debug_struct("Near").field("copies", &copies).field("bytes", &bytes).finish()
    }
}

/// The sessions that a write may change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    Key(&'a StoreKey),
    Both(&'a StoreKey, &'a StoreKey),
    Owner(&'a str),
    All,
}

/// A load in progress.
#[must_use]
pub(super) struct Load<'a> {
    near: &'a Near,
    key: &'a StoreKey,
    ticket: Ticket,
    kept: Option<(Version, &'a Entry, Instant)>,
}

impl<'a> Load<'a> {
    /// Ends the load, and keeps its result if nothing was invalidated in the meantime.
    pub(super) fn keep(mut self, version: Version, entry: &'a Entry, since: Instant) {
        self.kept = Some((version, entry, since));
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        let evicted = self.near.shard(self.key).end(self.key, &self.ticket, self.kept.take());
        self.near.counters.evicted(evicted);
    }
}

/// A write of this process.
#[must_use]
pub(super) struct Write<'a> {
    near: &'a Near,
    scope: Scope<'a>,
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.near.invalidate(self.scope);
    }
}
