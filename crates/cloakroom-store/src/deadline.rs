//! The time that one commit has, and the pauses within it.

use std::time::Duration;

use cloakroom_session::Error;
use tokio::time::Instant;

use crate::error::StoreError;

/// The point at which a commit gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(patience: Duration) -> Self {
        let now = Instant::now();
        // An absurdly long patience is one of thirty years.
        Self(now.checked_add(patience).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365 * 30)))
    }

    /// The time that is left; zero once it is over.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Pauses for a random time, longer after each attempt; returns `false` once the time is over.
    pub(crate) async fn pause(self, attempt: u32) -> Result<bool, Error> {
        let left = self.left();
        tokio::time::sleep(jitter(attempt)?.min(left)).await;
        Ok(!self.left().is_zero())
    }
}

/// The course of a commit so far.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) deadline: Deadline,
    /// The number of pauses.
    pub(crate) attempts: u32,
    /// A call had no answer, in this attempt of the commit or an earlier one: it may have been
    /// carried out.
    pub(crate) unsure: bool,
}

impl Course {
    pub(crate) const fn new(deadline: Deadline, unsure: bool) -> Self {
        Self { deadline, attempts: 0, unsure }
    }

    /// Takes a call that failed into account, and pauses before the next one.
    ///
    /// # Errors
    /// The same error, if trying again doesn't help or the time is over.
    pub(crate) async fn take(&mut self, error: StoreError) -> Result<(), Error> {
        if error.is_refused() && !self.unsure {
            // Nothing has been done, and there is nothing to find out.
            return Err(error.into());
        }
        self.unsure |= error.is_passing() || error.is_unconfirmed();
        if !error.is_passing() {
            return Err(error.into());
        }
        if self.pause().await? { Ok(()) } else { Err(error.into()) }
    }

    /// Pauses; returns `false` once the time is over.
    pub(crate) async fn pause(&mut self) -> Result<bool, Error> {
        let attempts = self.attempts;
        self.attempts += 1;
        self.deadline.pause(attempts).await
    }
}

/// A pause of a random length, longer after each attempt.
fn jitter(attempt: u32) -> Result<Duration, Error> {
    let longest = 1_u64 << attempt.min(6);
    let [byte] = cloakroom_session::random::<1>()?;
    // Never none at all: the others must get their turn.
    Ok(Duration::from_micros(1 + longest * 1000 * u64::from(byte) / 255))
}
