//! The background task that deletes expired entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_session::factory::random;
use cloakroom_session::{Clock, SystemClock, meter};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::StoreError;
use crate::store::Store;
use crate::stored_sessions::call::{Operation, call};

/// The pause between two full batches of one run, so that other clients can use the store.
const BREATH: Duration = Duration::from_millis(20);

/// Upper bound of the exponential back-off factor for a failing store.
const LARGEST_BACKOFF: u32 = 16;

/// A task that periodically deletes expired sessions from a store.
///
/// It works in bounded batches, at intervals that vary from node to node. It continues after
/// errors, with back-off while they last, and stops when it is stopped or dropped. For a store that
/// expires entries by itself, it makes one call per interval that deletes nothing.
///
/// Before each run it asks the server for its time ([`Store::checkup`]). While this machine's clock
/// is more than a minute ahead of the server's, it deletes nothing, because live sessions would
/// look expired. Such a run counts as a failure and logs a warning.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use cloakroom_store::{MemoryStore, Sweeper};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = Arc::new(MemoryStore::new());
/// let sweeper = Sweeper::new(store).start();
/// // … serve …
/// sweeper.stop().await;
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it stops when it is dropped"]
pub struct Sweeper {
    /// Dropping the sender stops the task, as sending does.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    counters: Arc<Counters>,
}

/// Options of [`Sweeper`].
#[derive(Debug)]
#[must_use]
pub struct SweeperBuilder<S> {
    store: Arc<S>,
    clock: Arc<dyn Clock>,
    interval: Duration,
    batch: usize,
    call_timeout: Duration,
}

/// Counters of a sweeper since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweeperStats {
    /// Completed runs.
    pub runs: u64,
    /// Store calls.
    pub batches: u64,
    /// Entries and tombstones deleted.
    pub swept: u64,
    /// Runs that ended with an error.
    pub failures: u64,
}

#[derive(Debug, Default)]
struct Counters {
    runs: AtomicU64,
    batches: AtomicU64,
    swept: AtomicU64,
    failures: AtomicU64,
}

impl Sweeper {
    /// Creates a builder for a sweeper of this store.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `start` starts it")]
    pub fn new<S: Store>(store: Arc<S>) -> SweeperBuilder<S> {
        SweeperBuilder {
            store,
            clock: Arc::new(SystemClock),
            interval: Duration::from_secs(60),
            batch: 500,
            call_timeout: Duration::from_secs(30),
        }
    }

    /// Returns the counters so far.
    #[must_use]
    pub fn stats(&self) -> SweeperStats {
        self.counters.snapshot()
    }

    /// Stops the sweeper after the current batch, and returns its counters.
    pub async fn stop(self) -> SweeperStats {
        // The task may have ended with its runtime.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the session sweeper failed");
        }
        self.counters.snapshot()
    }
}

impl Counters {
    fn snapshot(&self) -> SweeperStats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (runs, batches) = (of(&self.runs), of(&self.batches));
        SweeperStats { runs, batches, swept: of(&self.swept), failures: of(&self.failures) }
    }
}

impl<S: Store> SweeperBuilder<S> {
    /// Sets the interval between two runs. The default is one minute.
    ///
    /// It is varied randomly by up to half.
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the maximum number of entries deleted per store call. The default is 500.
    pub const fn batch(mut self, entries: usize) -> Self {
        self.batch = if entries == 0 { 1 } else { entries };
        self
    }

    /// Sets the timeout of one store call. The default is 30 seconds.
    ///
    /// It is long because no request waits for the sweeper.
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Replaces the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts the sweeper.
    ///
    /// # Panics
    /// If called outside a tokio runtime.
    pub fn start(self) -> Sweeper {
        let (stop, mut stopped) = oneshot::channel();
        let counters = Arc::new(Counters::default());
        let theirs = Arc::clone(&counters);
        let task = tokio::spawn(async move {
            let mut backoff = 1;
            while !stopped_within(&mut stopped, jitter(self.interval * backoff)).await {
                match self.run(&mut stopped, &theirs).await {
                    Ok(()) => backoff = 1,
                    Err(error) => {
                        theirs.failures.fetch_add(1, Ordering::Relaxed);
                        backoff = (backoff * 2).min(LARGEST_BACKOFF);
                        tracing::warn!(%error, backoff, "sweeping ended sessions failed; trying again later");
                    }
                }
            }
        });
        Sweeper { stop, task, counters }
    }

    /// Fails if this machine's clock is ahead of the server's. Passes if the server doesn't report
    /// its time.
    async fn compare_clocks(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let asked = tokio::time::timeout(self.call_timeout, self.store.checkup()).await;
        match asked.ok().and_then(Result::ok).and_then(|checkup| checkup.too_far_ahead(now)) {
            None => Ok(()),
            Some(ahead) => Err(StoreError::unavailable(format!(
                "this machine's clock is {} seconds ahead of the server's: live sessions would be removed; set the clock",
                ahead.as_secs()
            ))),
        }
    }

    /// Deletes batch after batch until one isn't full.
    async fn run(&self, stopped: &mut oneshot::Receiver<()>, counters: &Counters) -> Result<(), StoreError> {
        self.compare_clocks().await?;
        let mut total = 0;
        loop {
            let sweep = self.store.sweep(self.clock.now(), self.batch);
            let swept = call(self.call_timeout, Operation::Sweep, None, sweep).await?;
            meter::swept(swept);
            counters.batches.fetch_add(1, Ordering::Relaxed);
            counters.swept.fetch_add(swept as u64, Ordering::Relaxed);
            total += swept;
            if swept < self.batch || stopped_within(stopped, BREATH).await {
                break;
            }
        }
        counters.runs.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(swept = total, "ended sessions swept");
        Ok(())
    }
}

/// Waits for `span`. Returns `true` if the handle stopped the sweeper or was dropped.
async fn stopped_within(stopped: &mut oneshot::Receiver<()>, span: Duration) -> bool {
    stopped.is_terminated() || tokio::time::timeout(span, stopped).await.is_ok()
}

/// Returns half to one and a half times the interval, so that nodes started together drift apart.
/// At least one millisecond, so that the task never spins.
fn jitter(interval: Duration) -> Duration {
    let byte = random::<1>().map_or(128, |[byte]| u32::from(byte));
    (interval / 2 + interval / 255 * byte).max(Duration::from_millis(1))
}
