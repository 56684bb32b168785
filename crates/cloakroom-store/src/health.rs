//! The state of a store as seen by its callers: calls in flight, and the circuit breaker.
//!
//! # The breaker
//! A store counts as down when no call has succeeded for [`SILENCE`] and at least [`FAILURES`]
//! consecutive calls have failed. From then on calls fail at once, except for a probe: one call at
//! intervals with jitter, at most [`LONGEST_PAUSE`] apart. The first success closes the breaker.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_session::meter;
use tokio::time::Instant;

use crate::error::StoreError;

/// The required number of consecutive failures.
const FAILURES: u32 = 5;
/// The required time without a success.
const SILENCE: Duration = Duration::from_millis(500);
/// The first pause between two probes. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two probes, before jitter.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

const WELL: u8 = 0;
const FAILING: u8 = 1;
const DOWN: u8 = 2;

/// The state of a store as seen by its callers.
#[derive(Debug, Default)]
pub(crate) struct Health {
    in_flight: AtomicUsize,
    breaker: Option<Breaker>,
}

impl Health {
    pub(crate) fn new(has_breaker: bool) -> Self {
        Self { in_flight: AtomicUsize::new(0), breaker: has_breaker.then(Breaker::default) }
    }

    /// Registers a call that is about to be made, or that is refused because the store is down.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        let is_refused = self.breaker.as_ref().is_some_and(Breaker::refuses);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        meter::store_calls(1);
        InFlight { health: self, is_refused }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn is_down(&self) -> bool {
        self.breaker.as_ref().is_some_and(|breaker| breaker.state.load(Ordering::Relaxed) == DOWN)
    }
}

/// A call in flight.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    health: &'a Health,
    pub(crate) is_refused: bool,
}

impl InFlight<'_> {
    /// Records the result of the call.
    pub(crate) fn ended(&self, failed: Option<&StoreError>) {
        let Some(breaker) = &self.health.breaker else { return };
        match failed {
            _ if self.is_refused => {}
            // An answer that a call is impossible still shows that the store works.
            Some(error) if error.is_passing() => breaker.failed(),
            Some(_) | None => breaker.succeeded(),
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.health.in_flight.fetch_sub(1, Ordering::Relaxed);
        meter::store_calls(-1);
    }
}

/// Stops calls to a store that is down.
#[derive(Debug, Default)]
struct Breaker {
    /// The state alone, so that a call to a healthy store takes no lock.
    state: AtomicU8,
    run: Mutex<Option<Run>>,
}

/// Consecutive failed calls.
#[derive(Clone, Copy, Debug)]
struct Run {
    failures: u32,
    since: Instant,
    probe_at: Instant,
    pause: Duration,
}

impl Breaker {
    /// Returns whether a call must not be made. A call permitted while the store is down is a
    /// probe.
    fn refuses(&self) -> bool {
        if self.state.load(Ordering::Relaxed) != DOWN {
            return false;
        }
        let mut run = self.run();
        let now = Instant::now();
        match &mut *run {
            Some(run) if now < run.probe_at => true,
            Some(run) => {
                run.pause = (run.pause * 2).min(LONGEST_PAUSE);
                run.probe_at = now + jittered(run.pause);
                false
            }
            None => false,
        }
    }

    fn failed(&self) {
        let now = Instant::now();
        let mut run = self.run();
        let run = run.get_or_insert(Run { failures: 0, since: now, probe_at: now, pause: FIRST_PAUSE });
        run.failures = run.failures.saturating_add(1);
        let is_down = run.failures >= FAILURES && now.duration_since(run.since) >= SILENCE;
        let before = self.state.swap(if is_down { DOWN } else { FAILING }, Ordering::Relaxed);
        if is_down && before != DOWN {
            run.probe_at = now + jittered(run.pause);
            meter::store_down(true);
            tracing::error!(
                failures = run.failures,
                "the session store is down: calls fail at once until a probe succeeds"
            );
        }
    }

    fn succeeded(&self) {
        if self.state.load(Ordering::Relaxed) == WELL {
            return;
        }
        let mut run = self.run();
        *run = None;
        if self.state.swap(WELL, Ordering::Relaxed) == DOWN {
            meter::store_down(false);
            tracing::warn!("the session store answers again");
        }
    }

    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lengthens a pause by up to a quarter, so that the probes of several processes spread.
fn jittered(pause: Duration) -> Duration {
    let [byte] = cloakroom_session::factory::random::<1>().unwrap_or_default();
    pause + pause * u32::from(byte) / 1024
}
