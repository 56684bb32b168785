//! The limit of entries of each class, and the class to evict from when the store is full.
//!
//! Anyone can create sessions without an owner, so these are evicted first: a flood of visitors
//! ends no session with an owner. An eighth of the store is reserved for sessions without an owner,
//! so that visitors can still arrive and sign in when the rest is full. Tombstones live for seconds
//! and protect against late requests. They are only evicted if they take more than a sixteenth.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use cloakroom_session::Timestamp;

use super::slot::{Class, PerClass};

/// The smallest capacity. Below it, a class would have no room at all.
pub(super) const LEAST: usize = 64;

/// Milliseconds between two log events about a full store.
const SILENCE: u64 = 60_000;

#[derive(Debug)]
pub(super) struct Room {
    capacity: usize,
    counts: PerClass<AtomicUsize>,
    /// Sessions and tombstones evicted since the store was created.
    evicted: AtomicU64,
    /// The number of evictions at the last log event, and its time.
    reported: AtomicU64,
    reported_at: AtomicU64,
}

impl Room {
    pub(super) fn new(capacity: usize) -> Self {
        let [evicted, reported, reported_at] = std::array::from_fn(|_| AtomicU64::new(0));
        Self { capacity, counts: PerClass::default(), evicted, reported, reported_at }
    }

    pub(super) fn is_changed_to(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    pub(super) fn add(&self, class: Class) {
        self.counts.of(class).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, class: Class) {
        self.counts.of(class).fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, class: Class) -> usize {
        self.counts.of(class).load(Ordering::Relaxed)
    }

    pub(super) fn total(&self) -> usize {
        [Class::Visitor, Class::Owned, Class::Mark].map(|class| self.count(class)).iter().sum()
    }

    /// Returns the class to evict from after an entry was added.
    pub(super) fn too_many(&self) -> Option<Class> {
        if self.count(Class::Owned) > self.capacity - self.capacity / 8 {
            return Some(Class::Owned);
        }
        if self.total() <= self.capacity {
            return None;
        }
        let marks = self.count(Class::Mark);
        let is_mark = marks > self.capacity / 16 || self.count(Class::Visitor) == 0;
        Some(if is_mark { Class::Mark } else { Class::Visitor })
    }

    /// Counts an eviction, and logs the number once a minute.
    pub(super) fn evicted(&self, now: Timestamp) {
        let evicted = self.evicted.fetch_add(1, Ordering::Relaxed) + 1;
        let (last, now) = (self.reported_at.load(Ordering::Relaxed), now.unix_millis().max(1));
        if last != 0 && now.abs_diff(last) < SILENCE {
            return;
        }
        if self.reported_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let before = self.reported.swap(evicted, Ordering::Relaxed);
            tracing::warn!(
                ended_early = evicted.saturating_sub(before),
                without_owner = self.count(Class::Visitor),
                with_owner = self.count(Class::Owned),
                capacity = self.capacity,
                "memory store full: sessions are evicted"
            );
        }
    }

    /// Returns the number of evictions since the store was created.
    pub(super) fn evictions(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}
