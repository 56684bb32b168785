//! The loads and touches in flight in this process, and the recent touches.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_session::factory::{SessionTimes, StoreKey};
use cloakroom_session::{Lifetimes, Timestamp};
use tokio::time::Instant;

use super::outcome::Found;
use super::queue::{Queues, Work};
use crate::error::StoreError;
use crate::keyed::Keyed;

/// The time for which a touch is remembered. Requests opened before it may end this much later.
const MEMORY: Duration = Duration::from_secs(10);

/// The number of touches that are remembered.
const MOST: usize = 4096;

/// The age that the answer of a load may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// As old as a cache in front of the store allows.
    Cached,
    /// The store is asked.
    Latest,
}

/// A load that waits for its turn: the time of its request, and the allowed age.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    pub(super) now: Timestamp,
    pub(super) freshness: Freshness,
}

/// Waiting loads.
pub(crate) struct Loads;

impl Work for Loads {
    type Job = Ask;
    type Answer = Result<Found, Arc<StoreError>>;
    type Baton = ();
}

/// Waiting touches.
pub(crate) struct Touches;

impl Work for Touches {
    type Job = Wish;
    type Answer = bool;
    type Baton = ();
}

/// The touch that a request needs.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(super) now: Timestamp,
    pub(super) lifetimes: Lifetimes,
}

impl Wish {
    /// Returns whether a touch that was written makes this one unnecessary.
    pub(super) fn is_served_by(&self, written: &SessionTimes) -> bool {
        !written.is_touch_due(self.now, &self.lifetimes)
    }
}

/// The loads and touches in flight, and the recent touches.
#[derive(Default)]
pub(crate) struct Flights {
    pub(super) loads: Arc<Queues<Loads>>,
    pub(super) touches: Arc<Queues<Touches>>,
    written: Mutex<Keyed<(Instant, SessionTimes)>>,
}

impl Flights {
    /// Returns whether a recent touch makes this one unnecessary.
    pub(super) fn was_written(&self, key: &StoreKey, wish: &Wish) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(key).is_some_and(|(at, written)| at.elapsed() < MEMORY && wish.is_served_by(written))
    }

    /// Remembers a touch that was written.
    pub(super) fn remember(&self, key: &StoreKey, times: SessionTimes) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= MOST {
            written.retain(|_, (at, _)| at.elapsed() < MEMORY);
            if written.len() >= MOST {
                // With this many touches in so short a time, the newest are worth as much as the
                // oldest, so drop them all.
                written.clear();
            }
        }
        written.insert(*key, (Instant::now(), times));
    }
}
