//! Turns: commits of one session follow each other, and each starts from the result of the one
//! before.

use super::Session;

/// The right to commit. It ends when it is dropped.
pub(super) struct Turn(Session);

impl Turn {
    pub(super) const fn session(&self) -> &Session {
        &self.0
    }
}

impl Session {
    /// Waits for the turn to commit.
    pub(super) async fn turn(&self) -> Turn {
        loop {
            // Created before the look, so that a turn that ends in between is noticed.
            let ended = self.0.turn_ended.notified();
            if let Some(turn) = self.try_turn() {
                return turn;
            }
            ended.await;
        }
    }

    /// Takes the turn to commit, if nothing is being committed.
    pub(super) fn try_turn(&self) -> Option<Turn> {
        let mut inner = self.inner();
        (!std::mem::replace(&mut inner.is_committing, true)).then(|| Turn(self.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.inner().is_committing = false;
        self.0.0.turn_ended.notify_one();
    }
}
