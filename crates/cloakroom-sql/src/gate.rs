//! The limit on how many connections callers request at once.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

/// The time for which a "too many connections" refusal is assumed to hold.
const BELIEVED: Duration = Duration::from_secs(10);

/// The pause between attempts to get a connection while other users of the pool hold them all.
const CROWDED: Duration = Duration::from_millis(20);

/// Permits in front of a pool: as many as it may have connections, and fewer while the server
/// accepts fewer.
///
/// A caller without a permit waits for one. Without the gate, a caller whose connection was refused
/// would fail although other connections become free all the time.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    most: usize,
    closed: Mutex<Closed>,
}

/// The number of permits withheld after refusals, and the time of the last refusal.
#[derive(Debug)]
struct Closed {
    count: usize,
    refused: Option<Instant>,
}

/// The permit for one connection.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<OwnedSemaphorePermit>);

impl Gate {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            most: places,
            closed: Mutex::new(Closed { count: 0, refused: None }),
        }
    }

    /// Waits for a permit.
    pub(crate) async fn enter(&self) -> Place {
        self.reopen();
        // The semaphore is never closed; without a permit, a caller would only go uncounted.
        Place(Arc::clone(&self.places).acquire_owned().await.ok())
    }

    /// Withdraws the permit of a caller whose connection the server refused, and all others beyond
    /// the number of existing connections.
    ///
    /// Returns the permit if no more than that number are in use: other users of the pool hold the
    /// connections.
    fn close(&self, mut place: Place, there: usize) -> Option<Place> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.refused = Some(Instant::now());
        let surplus = self.most.saturating_sub(closed.count).saturating_sub(there.max(1));
        if surplus == 0 {
            return Some(place);
        }
        if let Some(permit) = place.0.take() {
            permit.forget();
        }
        closed.count += 1 + self.places.forget_permits(surplus - 1);
        None
    }

    /// Gets a connection of a pool for the holder of a permit. While the server refuses new
    /// connections, the holder waits for one of those that are `there`.
    pub(crate) async fn connect<C, E, F: Future<Output = Result<C, E>>>(
        &self,
        mut place: Place,
        pauses: &mut Pauses,
        get: impl Fn() -> F,
        is_refused: impl Fn(&E) -> bool,
        there: impl Fn() -> usize,
    ) -> Result<(C, Place), E> {
        loop {
            match get().await {
                Err(error) if is_refused(&error) => {
                    let there = there();
                    if there == 0 {
                        if pauses.next().await {
                            continue;
                        }
                        return Err(error);
                    }
                    // Other connections of this pool exist: wait for one of them.
                    place = match self.close(place, there) {
                        None => self.enter().await,
                        Some(last) => {
                            sleep(CROWDED).await;
                            last
                        }
                    };
                }
                answer => return answer.map(|connection| (connection, place)),
            }
        }
    }

    /// Restores one permit if the last refusal is old enough, so that a caller tests whether the
    /// server has room again.
    fn reopen(&self) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.count > 0 && closed.refused.is_some_and(|refused| refused.elapsed() >= BELIEVED) {
            closed.count -= 1;
            closed.refused = Some(Instant::now());
            self.places.add_permits(1);
        }
    }
}

/// Back-off of a caller whose connection the server refused while its pool has none: other callers
/// may be connecting at this moment, or give a connection up.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    const FIRST: Duration = Duration::from_millis(20);

    /// With the earlier pauses this totals a second and a quarter. A call has two seconds, and its
    /// caller should still receive the reason for the failure.
    const LAST: Duration = Duration::from_millis(640);

    pub(crate) const fn new() -> Self {
        Self(Self::FIRST)
    }

    /// Waits, about twice as long each time. Returns whether to try again.
    pub(crate) async fn next(&mut self) -> bool {
        if self.0 > Self::LAST {
            return false;
        }
        // Jitter: callers that were refused together should not return together.
        let half = u64::try_from(self.0.as_millis() / 2).unwrap_or_default().max(1);
        sleep(self.0 - Duration::from_millis(RandomState::new().build_hasher().finish() % half)).await;
        self.0 *= 2;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{BELIEVED, Gate, Pauses};

    #[tokio::test(start_paused = true)]
    async fn pauses_end_before_a_call_does() {
        let (mut pauses, begun, mut tries) = (Pauses::new(), Instant::now(), 0);
        while pauses.next().await {
            tries += 1;
        }
        let waited = begun.elapsed();
        assert_eq!(tries, 6);
        assert!(waited > Duration::from_millis(630) && waited < Duration::from_millis(1270), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn withdrawn_permits_return_one_by_one() {
        let gate = Gate::new(5);
        let (refused, lucky) = (gate.enter().await, gate.enter().await);
        // The server accepts two connections: one caller has one, and one permit is free.
        assert!(gate.close(refused, 2).is_none());
        assert_eq!(gate.places.available_permits(), 1);
        // No more permits are in use than connections exist: another pool user has the other one.
        let waits = gate.close(gate.enter().await, 2).unwrap();
        drop((lucky, waits));
        for open in 3..=5 {
            tokio::time::advance(BELIEVED).await;
            for _ in 0..3 {
                drop(gate.enter().await);
                assert_eq!(gate.places.available_permits(), open);
            }
        }
        tokio::time::advance(Duration::from_secs(3600)).await;
        drop(gate.enter().await);
        assert_eq!(gate.places.available_permits(), 5);
    }

    #[tokio::test]
    async fn the_last_permit_stays() {
        let gate = Gate::new(3);
        assert!(gate.close(gate.enter().await, 0).is_none());
        let last = gate.enter().await;
        assert_eq!(gate.places.available_permits(), 0);
        assert!(gate.close(last, 0).is_some());
    }
}
