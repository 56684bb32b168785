//! Serialization of commits: each commit of a session starts from the result of the previous one.

use super::Session;

/// The right to commit, released on drop.
pub(super) struct Turn(Session);

impl Turn {
    pub(super) const fn session(&self) -> &Session {
        &self.0
    }
}

impl Session {
    /// Waits until no other commit of this session runs, and takes the right to commit.
    pub(super) async fn turn(&self) -> Turn {
        loop {
            // Created before the check, so that a turn that ends in between is noticed.
            let ended = self.0.turn_ended.notified();
            if let Some(turn) = self.try_turn() {
                return turn;
            }
            ended.await;
        }
    }

    /// Takes the right to commit, unless another commit is running.
    pub(super) fn try_turn(&self) -> Option<Turn> {
        let mut inner = self.inner();
        (!std::mem::replace(&mut inner.is_committing, true)).then(|| Turn(self.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.inner().is_committing = false;
        // All of them: a waiting `Session::ended` must not take the turn's permit.
        self.0.0.turn_ended.notify_waiters();
    }
}
