//! The retries of a commit that meets the commits of other requests.

use std::time::Duration;

use cloakroom_core::Commit;
use tokio::time::{Instant, sleep};

use crate::clock::random;
use crate::error::Error;

/// Give up after this many id collisions: with 256 random bits even one means that the generator is
/// broken.
const MOST_COLLISIONS: u32 = 4;

/// The time at which an operation gives up. For factories.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimit(Instant);

impl TimeLimit {
    /// Creates a limit that ends after `patience`.
    #[must_use]
    pub fn after(patience: Duration) -> Self {
        let now = Instant::now();
        // An overflowing timeout becomes thirty years.
        Self(now.checked_add(patience).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365 * 30)))
    }

    /// Returns the time left; zero afterwards.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// The retries of one commit, with back-off and a time limit.
///
/// For factories that write with compare-and-set.
///
/// # Examples
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
/// use cloakroom_session::Error;
/// use cloakroom_session::factory::{Commit, Retries, SessionState};
/// # use cloakroom_session::factory::begin_commit;
/// # use cloakroom_session::{Lifetimes, Timestamp};
///
/// async fn increment(counter: &AtomicU32, commit: &Commit) -> Result<(), Error> {
///     let mut retries = Retries::within(Duration::from_secs(2));
///     loop {
///         let seen = counter.load(Ordering::SeqCst);
///         if counter.compare_exchange(seen, seen + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
///             return Ok(());
///         }
///         retries.conflict(commit).await?;
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// # let counter = AtomicU32::new(1);
/// # let now = Timestamp::from_unix_secs(1_700_000_000);
/// # let commit = begin_commit(SessionState::fresh(now, Lifetimes::default()), now)?;
/// increment(&counter, &commit).await?;
/// # assert_eq!(counter.load(Ordering::SeqCst), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Retries {
    limit: TimeLimit,
    patience: Duration,
    attempts: u32,
}

impl Retries {
    /// Starts the time of a commit that gives up after `patience`.
    #[must_use]
    pub fn within(patience: Duration) -> Self {
        Self { limit: TimeLimit::after(patience), patience, attempts: 0 }
    }

    /// Returns the time at which the commit gives up.
    #[must_use]
    pub const fn limit(&self) -> TimeLimit {
        self.limit
    }

    /// Records that another commit was faster, and pauses before the next attempt.
    ///
    /// The first conflict is retried at once. Later pauses are random: commits of several
    /// processes that conflicted should not all retry at the same time.
    ///
    /// # Errors
    /// Returns an error after the time limit. [`Error::is_unavailable`] is true for it.
    pub async fn conflict(&mut self, commit: &Commit) -> Result<(), Error> {
        if self.attempts > 0 && !self.pause().await? {
            let (patience, unsure) = (self.patience, commit.is_resumed());
            let written = if unsure { "may have been written or not" } else { "was not written" };
            return Err(Error::unavailable(format!(
                "other requests kept committing for {patience:?}, and the change {written}"
            )));
        }
        self.attempts += 1;
        Ok(())
    }

    /// Pauses for a random time that grows with each attempt.
    ///
    /// Returns `false` after the time limit.
    ///
    /// # Errors
    /// Returns an error if the operating system can't provide random bytes.
    pub async fn pause(&mut self) -> Result<bool, Error> {
        let attempts = self.attempts;
        self.attempts += 1;
        sleep(jitter(attempts)?.min(self.limit.left())).await;
        Ok(!self.limit.left().is_zero())
    }
}

/// Returns a random pause that grows with each attempt.
fn jitter(attempt: u32) -> Result<Duration, Error> {
    let longest = 1_u64 << attempt.min(6);
    let [byte] = random::<1>()?;
    // Never zero, so that other tasks can run.
    Ok(Duration::from_micros(1 + longest * 1000 * u64::from(byte) / 255))
}

/// The fresh ids of one commit that were taken. For factories that generate ids.
#[derive(Debug, Default)]
pub struct Collisions(u32);

impl Collisions {
    /// Records that a fresh id is taken, with one trace event.
    ///
    /// The caller then tries another id.
    ///
    /// # Errors
    /// Returns an error after four collisions.
    pub fn record(&mut self) -> Result<(), Error> {
        tracing::error!("a fresh session id was taken: is the random generator broken?");
        self.0 += 1;
        if self.0 < MOST_COLLISIONS {
            return Ok(());
        }
        Err(Error::unavailable(format!(
            "{MOST_COLLISIONS} fresh session ids were taken: is the random generator broken?"
        )))
    }
}
