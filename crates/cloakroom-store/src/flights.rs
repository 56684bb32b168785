//! Concurrent loads and touches of one session in this process, served by one call.
//!
//! # Guarantee of a shared load
//! A request sees every commit that finished before the request began, on any node. It therefore
//! never joins a load that was sent earlier. While one load is in flight, all arriving requests
//! wait and share the next one, which is sent after the last of them has arrived. Thirty
//! simultaneous requests of one page make two loads. The wait is limited: after [`PATIENCE`] a
//! request loads by itself.
//!
//! # Guarantee of a shared touch
//! The deadline is extended as if each request had touched the session, less at most the interval
//! within which a touch isn't due anyway. The result of a touch, whether the session was there,
//! goes to all requests that waited for it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use cloakroom_session::{Commit, CookieUpdate, Error, Lifetimes, SessionTimes, StoreKey, Timestamp};
use tokio::time::Instant;

use crate::call::{Operation, within};
use crate::deadline::Deadline;
use crate::error::StoreError;
use crate::keyed::Keyed;
use crate::queue::{Place, Queues, Said, Work};
use crate::stats::Saved;
use crate::store::Store;
use crate::stored_sessions::{Found, StoredSessions};

/// The longest time that a request waits for another request's load.
const PATIENCE: Duration = Duration::from_millis(250);

/// The time for which a touch is remembered. Requests opened before it may end this much later.
const MEMORY: Duration = Duration::from_secs(10);

/// The number of touches that are remembered.
const MOST: usize = 4096;

/// Waiting loads. Their job is the time of their request.
pub(crate) struct Loads;

impl Work for Loads {
    type Job = Timestamp;
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
    now: Timestamp,
    lifetimes: Lifetimes,
}

impl Wish {
    /// Returns whether a touch that was written makes this one unnecessary.
    fn is_served_by(&self, written: &SessionTimes) -> bool {
        !written.is_touch_due(self.now, &self.lifetimes)
    }
}

/// The loads and touches in flight, and the recent touches.
#[derive(Default)]
pub(crate) struct Flights {
    loads: Arc<Queues<Loads>>,
    touches: Arc<Queues<Touches>>,
    written: Mutex<Keyed<(Instant, SessionTimes)>>,
}

impl Flights {
    fn was_written(&self, key: &StoreKey, wish: &Wish) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(key).is_some_and(|(at, written)| at.elapsed() < MEMORY && wish.is_served_by(written))
    }

    fn remember(&self, key: &StoreKey, times: SessionTimes) {
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

impl<S: Store> StoredSessions<S> {
    /// Loads a session, sharing the call with concurrent requests.
    pub(crate) async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Found, StoreError> {
        let loads = &self.flights.loads;
        if loads.is_busy(key) {
            // Boxed because it is rare, so that other futures stay small.
            return Box::pin(self.load_with_others(key, now)).await;
        }
        let mut load = pin!(self.call(Operation::Load, Some(key), self.store.load(key, now)));
        let first = poll_fn(|cx| Poll::Ready(load.as_mut().poll(cx))).await;
        let loaded = match first {
            // A store in this process answers at once: there is nothing to share.
            Poll::Ready(loaded) => loaded?,
            Poll::Pending => {
                let _turn = loads.begin(key);
                load.await?
            }
        };
        Found::under(key, loaded)
    }

    async fn load_with_others(&self, key: &StoreKey, now: Timestamp) -> Result<Found, StoreError> {
        let deadline = Deadline::after(self.patience.call);
        let mut turn = match self.flights.loads.enter(key, || now) {
            Place::Leading(turn) => turn,
            Place::Waiting(waiting) => match within(PATIENCE, waiting).await {
                Some(Said::Lead(turn)) => turn,
                Some(Said::Done(Ok(found))) => return Ok(found.at(now)),
                Some(Said::Done(Err(error))) => return Err(error.twin()),
                None => {
                    let load = self.store.load(key, now);
                    return Found::under(key, self.call_by(deadline, Operation::Load, Some(key), load).await?);
                }
            },
        };
        // All of them arrived before this load is sent. If the session expires between the clocks
        // of two of them, the one with the earlier clock still finds it.
        turn.take(usize::MAX, |_| true);
        let earliest = turn.group().iter().map(|seat| seat.job).fold(now, Timestamp::min);
        let load = self.store.load(key, earliest);
        let loaded = self.call_by(deadline, Operation::Load, Some(key), load).await;
        let found = loaded.and_then(|loaded| Found::under(key, loaded)).map_err(Arc::new);
        self.counters.saved(Saved::Load, turn.group().len());
        turn.answer(&found);
        found.map(|found| found.at(now)).map_err(|error| error.twin())
    }

    /// Records that a session was used. Returns whether it is there.
    pub(crate) async fn touch_once(&self, commit: &Commit, key: &StoreKey, times: SessionTimes) -> Result<bool, Error> {
        let wish = Wish { now: commit.now(), lifetimes: *commit.session().lifetimes() };
        // Without a call it is unknown whether the session still exists, and a cookie could
        // overwrite a newer one.
        let may_skip = commit.cookie() == CookieUpdate::Keep;
        if may_skip && self.flights.was_written(key, &wish) {
            self.counters.saved(Saved::Touch, 1);
            return Ok(true);
        }
        let mut turn = match self.flights.touches.enter(key, || wish) {
            Place::Leading(turn) => turn,
            Place::Waiting(waiting) => match within(self.patience.call, waiting).await {
                Some(Said::Lead(turn)) => turn,
                Some(Said::Done(there)) => return Ok(there),
                None => return Err(StoreError::timed_out().into()),
            },
        };
        let touch = self.store.touch(key, times.touched, times.ends(), commit.now());
        let there = self.call(Operation::Touch, Some(key), touch).await?;
        if there {
            self.flights.remember(key, times);
        }
        turn.take(usize::MAX, |wish| wish.is_served_by(&times));
        self.counters.saved(Saved::Touch, turn.group().len());
        turn.answer(&there);
        Ok(there)
    }
}
