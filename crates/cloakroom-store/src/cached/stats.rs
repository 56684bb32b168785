//! Event counters of a near cache.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_session::meter;

/// An event that is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A load was served from memory.
    Hit,
    /// There was no copy.
    Miss,
    /// The proof was missing or too old.
    Unproven,
    Hint,
    Reset,
    Evicted,
}

#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; 6]);

impl Counters {
    pub(super) fn count(&self, event: Event) {
        self.add(event, 1);
        match event {
            Event::Hit => meter::cache_load("hit"),
            Event::Miss => meter::cache_load("miss"),
            Event::Unproven => meter::cache_load("unproven"),
            Event::Reset => meter::cache_reset(),
            Event::Hint | Event::Evicted => {}
        }
    }

    pub(super) fn evicted(&self, copies: usize) {
        if copies > 0 {
            self.add(Event::Evicted, copies as u64);
        }
    }

    fn add(&self, event: Event, number: u64) {
        if let Some(counter) = self.0.get(event as usize) {
            // Counters are read one at a time, and nothing else depends on them.
            counter.fetch_add(number, Ordering::Relaxed);
        }
    }

    pub(super) fn snapshot(&self) -> CacheStats {
        let of = |event: Event| self.0.get(event as usize).map_or(0, |counter| counter.load(Ordering::Relaxed));
        CacheStats {
            hits: of(Event::Hit),
            misses: of(Event::Miss),
            unproven: of(Event::Unproven),
            hints: of(Event::Hint),
            resets: of(Event::Reset),
            evicted: of(Event::Evicted),
            ..CacheStats::default()
        }
    }
}

/// Event counters of a [`CachedStore`](crate::CachedStore), since it was created, and its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Loads that were served from memory.
    pub hits: u64,
    /// Loads that asked the store, because there was no copy.
    pub misses: u64,
    /// Loads that asked the store, because no proof was young enough.
    pub unproven: u64,
    /// Hints that a session may have changed, including those about the writes of this process.
    pub hints: u64,
    /// The number of times that all copies were dropped, because hints may have been lost.
    pub resets: u64,
    /// Copies that were dropped because the cache was full.
    pub evicted: u64,
    /// Copies in memory.
    pub copies: usize,
    /// The estimated size of the copies in bytes.
    pub bytes: usize,
    /// The age of the proof that the copies are up to date; `None` without a proof.
    pub proof_age: Option<Duration>,
}
