//! Touches a session, with one call for concurrent requests of this process.
//!
//! # Guarantee of a shared touch
//! The deadline is extended as if each request had touched the session, less at most the interval
//! within which a touch isn't due anyway. The result of a touch, whether the session was there,
//! goes to all requests that waited for it.

use cloakroom_session::Error;
use cloakroom_session::factory::{Commit, CookieUpdate, SessionTimes, StoreKey};

use super::StoredSessions;
use super::call::{Operation, within};
use super::flights::Wish;
use super::queue::{Place, Said};
use crate::error::StoreError;
use crate::stats::Saved;
use crate::store::Store;

impl<S: Store> StoredSessions<S> {
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
