//! The deadline of a commit, and the pauses between its attempts.

use std::time::Duration;

use cloakroom_session::Error;
use tokio::time::Instant;

use crate::error::StoreError;

/// The time at which a commit gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(patience: Duration) -> Self {
        let now = Instant::now();
        // An overflowing timeout becomes thirty years.
        Self(now.checked_add(patience).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365 * 30)))
    }

    /// Returns the time left; zero after the deadline.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Pauses for a random time that grows with each attempt. Returns `false` after the deadline.
    pub(crate) async fn pause(self, attempt: u32) -> Result<bool, Error> {
        let left = self.left();
        tokio::time::sleep(jitter(attempt)?.min(left)).await;
        Ok(!self.left().is_zero())
    }
}

/// The progress of a commit.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) deadline: Deadline,
    /// The number of pauses.
    pub(crate) attempts: u32,
    /// `true` if a call got no answer, in this attempt or an earlier one, so that it may have been
    /// executed.
    pub(crate) unsure: bool,
}

impl Course {
    pub(crate) const fn new(deadline: Deadline, unsure: bool) -> Self {
        Self { deadline, attempts: 0, unsure }
    }

    /// Records a failed call, and pauses before the next one.
    ///
    /// # Errors
    /// Returns the same error if a retry cannot help or the deadline has passed.
    pub(crate) async fn take(&mut self, error: StoreError) -> Result<(), Error> {
        if error.is_refused() && !self.unsure {
            // Nothing was executed, so there is nothing to check.
            return Err(error.into());
        }
        self.unsure |= error.is_passing() || error.is_unconfirmed();
        if !error.is_passing() {
            return Err(error.into());
        }
        if self.pause().await? { Ok(()) } else { Err(error.into()) }
    }

    /// Pauses. Returns `false` after the deadline.
    pub(crate) async fn pause(&mut self) -> Result<bool, Error> {
        let attempts = self.attempts;
        self.attempts += 1;
        self.deadline.pause(attempts).await
    }
}

/// Returns a random pause that grows with each attempt.
fn jitter(attempt: u32) -> Result<Duration, Error> {
    let longest = 1_u64 << attempt.min(6);
    let [byte] = cloakroom_session::factory::random::<1>()?;
    // Never zero, so that other tasks can run.
    Ok(Duration::from_micros(1 + longest * 1000 * u64::from(byte) / 255))
}
