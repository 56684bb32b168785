//! The progress of a commit: its time limit, its retries, and calls that got no answer.

use cloakroom_session::Error;
use cloakroom_session::factory::{Retries, TimeLimit};

use crate::error::StoreError;

/// The progress of a commit.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) retries: Retries,
    /// `true` if a call got no answer, in this attempt or an earlier one, so that it may have been
    /// executed.
    pub(crate) unsure: bool,
}

impl Course {
    pub(crate) const fn new(retries: Retries, unsure: bool) -> Self {
        Self { retries, unsure }
    }

    /// Returns the time at which the commit gives up.
    pub(crate) const fn limit(&self) -> TimeLimit {
        self.retries.limit()
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
        if self.retries.pause().await? { Ok(()) } else { Err(error.into()) }
    }
}
