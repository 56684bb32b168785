//! Event counters, for the `metrics` facade and for
//! [`StoredSessions::stats`](crate::StoredSessions::stats).

use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_session::factory::CookiePayload;
use cloakroom_session::meter::{self, Event};

/// The counters of one factory.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    events: [AtomicU64; Event::ALL.len()],
    groups: AtomicU64,
    grouped: AtomicU64,
    loads_saved: AtomicU64,
    touches_saved: AtomicU64,
}

/// A call avoided because another request's call served as well.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Saved {
    Load,
    Touch,
}

impl Counters {
    pub(crate) fn count(&self, event: Event) {
        meter::event(CookiePayload::Id, event);
        if let Some(counter) = self.events.get(event as usize) {
            // Counters are read one at a time, and nothing else depends on them.
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a group of commits written together.
    pub(crate) fn group(&self, commits: usize) {
        meter::commit_group(commits);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.grouped.fetch_add(commits as u64, Ordering::Relaxed);
    }

    /// Counts avoided calls.
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

/// Event counters of a factory, accumulated since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sessions opened from a cookie.
    pub opened: u64,
    /// Sessions created.
    pub created: u64,
    /// Changed sessions written.
    pub replaced: u64,
    /// Sessions touched, without other changes.
    pub touched: u64,
    /// Sessions moved to a new id.
    pub cycled: u64,
    /// Sessions ended.
    pub ended: u64,
    /// Commits replayed on a newer version.
    pub replayed: u64,
    /// Lost updates: a key was set over another request's unseen change.
    pub overwritten: u64,
    /// Commits dropped because the session had ended or moved in the meantime.
    pub dropped: u64,
    /// Groups of concurrent commits written as one.
    pub groups: u64,
    /// Commits in those groups.
    pub grouped: u64,
    /// Loads avoided because another request's load served as well.
    pub loads_saved: u64,
    /// Touches avoided because another request's touch served as well.
    pub touches_saved: u64,
    /// Store calls currently in flight.
    pub calls_in_flight: u64,
    /// Commits currently waiting for another commit of the same session.
    pub commits_waiting: u64,
    /// Sessions for whose end a request waits, or has waited a few seconds ago.
    ///
    /// See [`Session::ended`](cloakroom_session::Session::ended).
    pub waiting_for_end: u64,
    /// `true` while the store is known to be down.
    ///
    /// Needs [`fail_fast`](crate::StoredSessionsBuilder::fail_fast).
    pub is_down: bool,
}
