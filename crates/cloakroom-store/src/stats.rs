//! How often what happened: counted since the start, for the `metrics` facade and for whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_session::{Carrier, meter, meter::Event};

/// The counters of one factory.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    events: [AtomicU64; Event::ALL.len()],
    groups: AtomicU64,
    grouped: AtomicU64,
    loads_saved: AtomicU64,
    touches_saved: AtomicU64,
}

/// A call that one for another request can serve as well.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Saved {
    Load,
    Touch,
}

impl Counters {
    pub(crate) fn count(&self, event: Event) {
        meter::event(Carrier::Id, event);
        if let Some(counter) = self.events.get(event as usize) {
            // Counters are read one by one, and nothing else depends on them.
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a group of commits that was written.
    pub(crate) fn group(&self, commits: usize) {
        meter::commit_group(commits);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.grouped.fetch_add(commits as u64, Ordering::Relaxed);
    }

    /// Counts calls that weren't made.
    pub(crate) fn saved(&self, what: Saved, calls: usize) {
        if calls == 0 {
            return;
        }
        let (counter, operation) = match what {
            Saved::Load => (&self.loads_saved, "load"),
            Saved::Touch => (&self.touches_saved, "touch"),
        };
        meter::calls_saved(operation, calls as u64);
        counter.fetch_add(calls as u64, Ordering::Relaxed);
    }

    fn of(&self, event: Event) -> u64 {
        self.events.get(event as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
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
            overwritten: self.of(Event::Overwritten),
            dropped: self.of(Event::Dropped),
            groups: self.groups.load(Ordering::Relaxed),
            grouped: self.grouped.load(Ordering::Relaxed),
            loads_saved: self.loads_saved.load(Ordering::Relaxed),
            touches_saved: self.touches_saved.load(Ordering::Relaxed),
            ..Stats::default()
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
    /// A key was set over another request's change that this one had not seen: a lost update.
    pub overwritten: u64,
    /// Changes were dropped, because the session had ended or moved meanwhile.
    pub dropped: u64,
    /// Commits that waited for one another were written as one.
    pub groups: u64,
    /// The number of commits in those groups.
    pub grouped: u64,
    /// A load served another request as well.
    pub loads_saved: u64,
    /// A touch served another request as well.
    pub touches_saved: u64,
    /// Calls of the store that are under way now.
    pub calls_in_flight: u64,
    /// Commits that wait for another one of their session now.
    pub commits_waiting: u64,
    /// The store is known to be down now, with
    /// [`fail_fast`](crate::StoredSessionsBuilder::fail_fast).
    pub is_down: bool,
}
