//! Cleanup of sessions that may have been created or moved although the call got no answer. No
//! browser has their ids, so they are ended.
//!
//! A commit that gets no answer before its deadline doesn't know whether its new session exists. If
//! it does, it would stay in its owner's list and count against the owner's limit until it expires.
//! One task per factory ends such sessions as soon as the store answers again. A retry of the
//! commit takes its id back first.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use tokio::time::{Instant, sleep_until};

use crate::error::StoreError;
use crate::keyed::Keyed;
use crate::skew::time_for_ends;
use crate::store::Store;
use crate::stored_sessions::call::{Operation, call};

/// The maximum number of remembered orphans. Further ones end when they expire.
const MOST: usize = 10_000;
/// The delay before an orphan is ended. The request may retry its commit in this time; most do so
/// at once.
const FIRST: Duration = Duration::from_secs(2);
/// A call may reach the store after its caller has given up, so a missing session is looked for
/// until this time has passed.
const LATEST_ARRIVAL: Duration = Duration::from_secs(30);
/// The longest pause between two calls to a store that doesn't answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Ids that may have a session unknown to any browser.
#[derive(Debug, Default)]
pub(crate) struct Orphans(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    orphans: Keyed<Orphan>,
    /// `true` while a task is running.
    is_tended: bool,
}

#[derive(Clone, Copy, Debug)]
struct Orphan {
    since: Instant,
    /// The time of the commit, by its own clock.
    now: Timestamp,
    due: Instant,
    /// `true` while a call to end it is in flight.
    is_ending: bool,
}

impl Orphans {
    /// Registers a possible orphan, and starts a task to end it.
    pub(crate) fn add<S: Store>(self: &Arc<Self>, store: &Arc<S>, patience: Duration, key: StoreKey, now: Timestamp) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::warn!(?key, "a session that no browser has may be left: there is no runtime to end it in");
            return;
        };
        let since = Instant::now();
        let starts = {
            let mut state = self.lock();
            if state.orphans.len() >= MOST {
                tracing::warn!(?key, "a session that no browser has may be left: there are too many of them");
                return;
            }
            state.orphans.insert(key, Orphan { since, now, due: since + FIRST, is_ending: false });
            !std::mem::replace(&mut state.is_tended, true)
        };
        if starts {
            let (orphans, store) = (Arc::clone(self), Arc::clone(store));
            runtime.spawn(async move {
                orphans
                    .tend(|key, now| {
                        let store = Arc::clone(&store);
                        async move { call(patience, Operation::End, Some(&key), store.end(&key, time_for_ends(now))).await }
                    })
                    .await;
            });
        }
    }

    /// Takes an id back for a retried commit. Returns `false` if the session is already being
    /// ended.
    pub(crate) fn take_back(&self, key: &StoreKey) -> bool {
        let mut state = self.lock();
        if state.orphans.get(key).is_some_and(|orphan| orphan.is_ending) {
            return false;
        }
        state.orphans.remove(key);
        true
    }

    /// Ends all orphans, one after the other.
    async fn tend<F: Future<Output = Result<bool, StoreError>>>(&self, end: impl Fn(StoreKey, Timestamp) -> F) {
        let mut failures = 0_u32;
        while let Some((key, due)) = self.first_due() {
            sleep_until(due).await;
            let Some(orphan) = self.begin(&key) else { continue };
            let answer = end(key, orphan.now + orphan.since.elapsed()).await;
            let is_expired = orphan.since.elapsed() >= LATEST_ARRIVAL;
            let mut state = self.lock();
            match answer {
                Ok(ended) => {
                    failures = 0;
                    if ended || is_expired {
                        state.orphans.remove(&key);
                    } else {
                        state.wait(&key, LATEST_ARRIVAL);
                    }
                }
                Err(error) if !error.is_passing() => {
                    state.orphans.remove(&key);
                    tracing::warn!(?key, %error, "a session that no browser has wasn't ended");
                }
                Err(_) => {
                    failures += 1;
                    let pause = Duration::from_secs(1 << failures.min(5)).min(LONGEST_PAUSE);
                    // The store won't answer for the others either.
                    state.wait_all(pause);
                    state.wait(&key, pause);
                }
            }
        }
    }

    /// Returns the orphan that is due first. If there is none, the task ends.
    fn first_due(&self) -> Option<(StoreKey, Instant)> {
        let mut state = self.lock();
        let first = state.orphans.iter().map(|(key, orphan)| (*key, orphan.due)).min_by_key(|(_, due)| *due);
        state.is_tended = first.is_some();
        first
    }

    /// Marks an orphan as being ended, unless its commit has taken it back.
    fn begin(&self, key: &StoreKey) -> Option<Orphan> {
        let mut state = self.lock();
        let orphan = state.orphans.get_mut(key)?;
        orphan.is_ending = true;
        Some(*orphan)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, key: &StoreKey, pause: Duration) {
        if let Some(orphan) = self.orphans.get_mut(key) {
            orphan.is_ending = false;
            orphan.due = Instant::now() + pause;
        }
    }

    fn wait_all(&mut self, pause: Duration) {
        let earliest = Instant::now() + pause;
        self.orphans.values_mut().for_each(|orphan| orphan.due = orphan.due.max(earliest));
    }
}
