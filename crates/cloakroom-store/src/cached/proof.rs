//! The age of the proof that copies are up to date.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The difference between the two clocks above which the machine is taken to have been suspended.
const SLACK: Duration = Duration::from_millis(100);

/// The time by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The monotonic clock. It may stand still while the machine is suspended.
    pub(super) steady: Instant,
    /// The wall clock. It may be set.
    pub(super) wall: SystemTime,
}

impl Reading {
    #[expect(clippy::disallowed_methods, reason = "the age of a proof doesn't depend on the layer's clock")]
    fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }
}

/// Measures the age of proofs.
///
/// A monotonic clock may stand still while a machine is suspended. The proof would then look young,
/// although hints of that time haven't been read yet. Therefore a jump of the wall clock ahead of
/// the monotonic one makes all earlier proofs void. If the clock was only set, this costs loads
/// until the next proof.
pub(super) struct Ages {
    read: Box<dyn Fn() -> Reading + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    last: Reading,
    /// Proofs from before this time are void.
    floor: Option<Instant>,
}

impl Ages {
    pub(super) fn by(read: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        let state = Mutex::new(State { last: read(), floor: None });
        Self { read: Box::new(read), state }
    }

    /// Returns the current time and the age of a proof, or `None` for the age if the proof is void.
    ///
    /// Ask it at each use: the result is out of date as soon as it is returned.
    pub(super) fn of(&self, proven_at: Instant) -> (Instant, Option<Duration>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.read)();
        let steady = now.steady.saturating_duration_since(state.last.steady);
        // A wall clock that goes back proves nothing.
        let wall = now.wall.duration_since(state.last.wall).unwrap_or_default();
        if wall > steady + SLACK {
            state.floor = Some(now.steady);
        }
        state.last = now;
        let is_void = state.floor.is_some_and(|floor| proven_at < floor);
        (now.steady, (!is_void).then(|| now.steady.saturating_duration_since(proven_at)))
    }
}

impl Default for Ages {
    fn default() -> Self {
        Self::by(Reading::now)
    }
}

impl fmt::Debug for Ages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ages").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::{Ages, Reading};

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn proofs_from_before_a_suspension_are_void() {
        let begin = Reading::now();
        let clock = Arc::new(Mutex::new(begin));
        let ages = Ages::by({
            let clock = Arc::clone(&clock);
            move || *clock.lock().unwrap()
        });
        let pass = |steady, wall| {
            let mut clock = clock.lock().unwrap();
            clock.steady += steady;
            clock.wall += wall;
        };
        pass(millis(900), millis(950));
        assert_eq!(ages.of(begin.steady).1, Some(millis(900)));
        pass(millis(10), millis(20_000));
        assert_eq!(ages.of(begin.steady).1, None, "the machine was suspended");
        pass(millis(10), millis(10));
        assert_eq!(ages.of(begin.steady).1, None, "still from before");
        assert_eq!(ages.of(begin.steady + millis(909)).1, None, "sent before, answered afterwards");
        assert_eq!(ages.of(begin.steady + millis(915)).1, Some(millis(5)));
        clock.lock().unwrap().wall = begin.wall;
        pass(millis(20), millis(0));
        assert_eq!(ages.of(begin.steady + millis(915)).1, Some(millis(25)), "the wall clock was set back");
    }
}
