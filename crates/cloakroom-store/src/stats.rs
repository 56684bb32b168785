//! How often what happened: counted since the start, for the `metrics` facade and for whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_session::{Carrier, meter, meter::Event};

/// The counters of one factory.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; Event::ALL.len()]);

impl Counters {
    pub(crate) fn count(&self, event: Event) {
        meter::event(Carrier::Id, event);
        if let Some(counter) = self.0.get(event as usize) {
            // Counters are read one by one, and nothing else depends on them.
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn of(&self, event: Event) -> u64 {
        self.0.get(event as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
            opened: self.of(Event::Opened),
            created: self.of(Event::Created),
            replaced: self.of(Event::Replaced),
            touched: self.of(Event::Touched),
            cycled: self.of(Event::Cycled),
            ended: self.of(Event::Ended),
            replayed: self.of(Event::Replayed),
            dropped: self.of(Event::Dropped),
        }
    }
}

/// How often a factory did what, since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// A cookie opened a session.
    pub opened: u64,
    /// A session was created.
    pub created: u64,
    /// What a session had become was written.
    pub replaced: u64,
    /// A session was used, and nothing more.
    pub touched: u64,
    /// A session got a new id.
    pub cycled: u64,
    /// A session was ended.
    pub ended: u64,
    /// Changes were done again on a newer version.
    pub replayed: u64,
    /// Changes were dropped, because the session had ended or moved meanwhile.
    pub dropped: u64,
}
