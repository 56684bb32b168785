//! Loads and touches of one session that meet in this process: one call of the store serves them
//! all.
//!
//! # What a shared load guarantees
//! A request sees every commit that was done before the request began, on whichever node. So it
//! never joins a load that was sent before it came. While one load is under way, all that come
//! wait, and share the next one, which is sent after the last of them has come. Thirty requests of
//! one page that come at the same time make two loads. A wait is limited: after [`PATIENCE`] a
//! request loads by itself.
//!
//! # What a shared touch guarantees
//! The deadline is extended as if each request had touched the session, but for less than the
//! interval within which a touch isn't due anyway. A touch that other requests wait for is answered
//! with whether the session was there, and so are they.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use cloakroom_session::{Clockwork, Commit, CookieUpdate, Error, Lifetimes, StoreKey, Timestamp};
use tokio::time::Instant;

use crate::call::{Operation, within};
use crate::deadline::Deadline;
use crate::error::StoreError;
use crate::keyed::Keyed;
use crate::queue::{Place, Queues, Said, Work};
use crate::stats::Saved;
use crate::store::Store;
use crate::stored_sessions::{Found, StoredSessions};

/// How long a request waits for the load of another one.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a touch is remembered: requests that were opened before it may end this much later.
const MEMORY: Duration = Duration::from_secs(10);

/// The number of touches that are remembered.
const MOST: usize = 4096;

/// Loads that wait. Their job is the time of their request.
pub(crate) struct Loads;

impl Work for Loads {
    type Job = Timestamp;
    type Answer = Result<Found, Arc<StoreError>>;
    type Baton = ();
}

/// Touches that wait.
pub(crate) struct Touches;

impl Work for Touches {
    type Job = Wish;
    type Answer = bool;
    type Baton = ();
}

/// The touch that a request wants.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    now: Timestamp,
    lifetimes: Lifetimes,
}

impl Wish {
    /// Returns whether this touch has become unnecessary by one that was written.
    fn is_served_by(&self, written: &Clockwork) -> bool {
        !written.is_touch_due(self.now, &self.lifetimes)
    }
}

/// The loads and touches that are under way, and the touches that were written lately.
#[derive(Default)]
pub(crate) struct Flights {
    loads: Arc<Queues<Loads>>,
    touches: Arc<Queues<Touches>>,
    written: Mutex<Keyed<(Instant, Clockwork)>>,
}

impl Flights {
    fn was_written(&self, key: &StoreKey, wish: &Wish) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(key).is_some_and(|(at, written)| at.elapsed() < MEMORY && wish.is_served_by(written))
    }

    fn remember(&self, key: &StoreKey, clockwork: Clockwork) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= MOST {
            written.retain(|_, (at, _)| at.elapsed() < MEMORY);
            if written.len() >= MOST {
                // So many touches in so short a time: those that come now are worth as much as
                // those before.
                written.clear();
            }
        }
        written.insert(*key, (Instant::now(), clockwork));
    }
}

impl<S: Store> StoredSessions<S> {
    /// Loads a session for a request, with other requests that come at the same time.
    pub(crate) async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Found, StoreError> {
        let loads = &self.flights.loads;
        if loads.is_busy(key) {
            // Rare: others need not have room for it.
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
        // All of them came before this load is sent. One that ends between the clocks of two of
        // them is found by the earlier one.
        turn.take(usize::MAX, |_| true);
        let earliest = turn.group().iter().map(|seat| seat.job).fold(now, Timestamp::min);
        let load = self.store.load(key, earliest);
        let loaded = self.call_by(deadline, Operation::Load, Some(key), load).await;
        let found = loaded.and_then(|loaded| Found::under(key, loaded)).map_err(Arc::new);
        self.counters.saved(Saved::Load, turn.group().len());
        turn.answer(&found);
        found.map(|found| found.at(now)).map_err(|error| error.twin())
    }

    /// Says that a session was used; returns whether it is there.
    pub(crate) async fn touch_once(
        &self,
        commit: &Commit,
        key: &StoreKey,
        clockwork: Clockwork,
    ) -> Result<bool, Error> {
        let wish = Wish { now: commit.now(), lifetimes: *commit.session().lifetimes() };
        // Without a call it isn't known whether the session is still there, and a cookie could undo
        // a newer one.
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
        let touch = self.store.touch(key, clockwork.touched, clockwork.ends(), commit.now());
        let there = self.call(Operation::Touch, Some(key), touch).await?;
        if there {
            self.flights.remember(key, clockwork);
        }
        turn.take(usize::MAX, |wish| wish.is_served_by(&clockwork));
        self.counters.saved(Saved::Touch, turn.group().len());
        turn.answer(&there);
        Ok(there)
    }
}
