//! Loads a session, with one call for concurrent requests of this process.
//!
//! # Guarantee of a shared load
//! A request sees every commit that finished before the request began, on any node. It therefore
//! never joins a load that was sent earlier. While one load is in flight, all arriving requests
//! wait and share the next one, which is sent after the last of them has arrived. Thirty
//! simultaneous requests of one page make two loads. The wait is limited: after [`PATIENCE`] a
//! request loads by itself.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, TimeLimit};

use super::StoredSessions;
use super::call::{Operation, within};
use super::flights::{Ask, Freshness};
use super::outcome::Found;
use super::queue::{Place, Said};
use crate::error::StoreError;
use crate::stats::Saved;
use crate::store::{Loaded, Store};

/// The longest time that a request waits for another request's load.
const PATIENCE: Duration = Duration::from_millis(250);

impl<S: Store> StoredSessions<S> {
    /// Loads a session, sharing the call with concurrent requests.
    pub(crate) async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Found, StoreError> {
        let loads = &self.flights.loads;
        if loads.is_busy(key) {
            // Boxed because it is rare, so that other futures stay small.
            return Box::pin(self.load_with_others(key, Ask { now, freshness: Freshness::Cached })).await;
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

    /// Loads a session from the store itself, sharing the call with concurrent requests.
    pub(crate) async fn load_latest(&self, key: &StoreKey, now: Timestamp) -> Result<Found, StoreError> {
        self.load_with_others(key, Ask { now, freshness: Freshness::Latest }).await
    }

    async fn load_with_others(&self, key: &StoreKey, ask: Ask) -> Result<Found, StoreError> {
        let (deadline, now) = (TimeLimit::after(self.patience.call), ask.now);
        let mut turn = match self.flights.loads.enter(key, || ask) {
            Place::Leading(turn) => turn,
            Place::Waiting(waiting) => match within(PATIENCE, waiting).await {
                Some(Said::Lead(turn)) => turn,
                Some(Said::Done(Ok(found))) => return Ok(found.at(now)),
                Some(Said::Done(Err(error))) => return Err(error.twin()),
                None => {
                    let load = self.load_as(key, ask);
                    return Found::under(key, self.call_by(deadline, Operation::Load, Some(key), load).await?);
                }
            },
        };
        // All of them arrived before this load is sent. If the session expires between the clocks
        // of two of them, the one with the earlier clock still finds it.
        turn.take(usize::MAX, |_| true);
        let jobs = || turn.group().iter().map(|seat| seat.job);
        let earliest = jobs().map(|job| job.now).fold(now, Timestamp::min);
        let is_latest = |job: Ask| job.freshness == Freshness::Latest;
        let freshness = if is_latest(ask) || jobs().any(is_latest) { Freshness::Latest } else { Freshness::Cached };
        let load = self.load_as(key, Ask { now: earliest, freshness });
        let loaded = self.call_by(deadline, Operation::Load, Some(key), load).await;
        let found = loaded.and_then(|loaded| Found::under(key, loaded)).map_err(Arc::new);
        self.counters.saved(Saved::Load, turn.group().len());
        turn.answer(&found);
        found.map(|found| found.at(now)).map_err(|error| error.twin())
    }

    async fn load_as(&self, key: &StoreKey, ask: Ask) -> Result<Loaded, StoreError> {
        match ask.freshness {
            Freshness::Cached => self.store.load(key, ask.now).await,
            Freshness::Latest => self.store.load_latest(key, ask.now).await,
        }
    }
}
