//! The task that removes what is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_session::{Clock, SystemClock, meter, random};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::call::{Operation, call};
use crate::error::StoreError;
use crate::store::Store;

/// Between two full batches of one run: others want the store too.
const BREATH: Duration = Duration::from_millis(20);

/// A store that keeps failing is asked at most so many times less often.
const LARGEST_BACKOFF: u32 = 16;

/// A task that removes ended sessions from a store, now and then.
///
/// It works in bounded batches, at times that differ from node to node, goes on after errors (less
/// often while they last), and ends when it is told to or dropped. A store that expires entries by
/// itself answers that there is nothing to do; that is one call in an interval.
///
/// Before each run it asks the server what time it is there ([`Store::checkup`]). While this
/// machine's clock is more than a minute ahead of that, it removes nothing: it would take
/// everybody's sessions for ended ones. That counts as a failure, and is a warning.
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
    /// Dropping it stops the task as sending does.
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

/// What a sweeper has done since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweeperStats {
    /// Runs that came to their end.
    pub runs: u64,
    /// Calls of the store.
    pub batches: u64,
    /// Entries and marks that were removed.
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
    /// A sweeper of this store, to be started.
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

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> SweeperStats {
        self.counters.snapshot()
    }

    /// Stops it after the batch that it is at, and waits for that; says what it has done.
    pub async fn stop(self) -> SweeperStats {
        // It may have ended with its runtime.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the sweeper of sessions had failed");
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
    /// How long to wait between two runs, more or less half of it at random. The default is a
    /// minute.
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How many entries to remove in one call of the store at most. The default is 500.
    pub const fn batch(mut self, entries: usize) -> Self {
        self.batch = if entries == 0 { 1 } else { entries };
        self
    }

    /// How long one call of the store may take. The default is 30 seconds: nobody waits for it.
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Another source of time than the system's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
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

    /// Refuses to go on with a clock that is ahead of the server's. A server that doesn't tell the
    /// time isn't asked for more.
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

    /// Batch after batch, until one isn't full.
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

/// Waits for so long, or until the handle says stop or is gone.
async fn stopped_within(stopped: &mut oneshot::Receiver<()>, span: Duration) -> bool {
    stopped.is_terminated() || tokio::time::timeout(span, stopped).await.is_ok()
}

/// Between a half of it and one and a half: nodes that were started together drift apart. Never
/// nothing, so that nothing spins.
fn jitter(interval: Duration) -> Duration {
    let byte = random::<1>().map_or(128, |[byte]| u32::from(byte));
    (interval / 2 + interval / 255 * byte).max(Duration::from_millis(1))
}
