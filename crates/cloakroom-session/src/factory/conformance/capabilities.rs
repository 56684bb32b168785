//! The capabilities of a factory.

use std::fmt;
use std::sync::Arc;

/// The capabilities of a factory beyond the requirements for every factory.
///
/// For a missing capability, a check is skipped, or replaced by a check that the factory reports
/// it.
#[derive(Clone)]
#[must_use]
pub struct Capabilities {
    pub(super) revokes: bool,
    pub(super) merges: bool,
    pub(super) follows_moves: bool,
    pub(super) touches: bool,
    pub(super) reloads: bool,
    pub(super) resumes: bool,
    pub(super) rounds: usize,
    pub(super) kept: Option<Arc<dyn Fn() -> usize + Send + Sync>>,
}

impl Capabilities {
    /// Returns all capabilities, which `StoredSessions` has, with 50 rounds of each race.
    pub const fn all() -> Self {
        Self {
            revokes: true,
            merges: true,
            follows_moves: true,
            touches: true,
            reloads: true,
            resumes: true,
            rounds: 50,
            kept: None,
        }
    }

    /// Declares that a session can't be ended before its deadline.
    ///
    /// This is the case if the browser has the only copy.
    pub const fn without_revocation(mut self) -> Self {
        self.revokes = false;
        self.follows_moves = false;
        self
    }

    /// Declares that if two requests change a session concurrently, the later one wins.
    pub const fn without_merging(mut self) -> Self {
        self.merges = false;
        self
    }

    /// Declares that a superseded id leaves no tombstone.
    ///
    /// A sign-out with the old id then ends nothing.
    pub const fn without_tombstones(mut self) -> Self {
        self.follows_moves = false;
        self
    }

    /// Declares that a read extends no deadline.
    pub const fn without_touches(mut self) -> Self {
        self.touches = false;
        self
    }

    /// Declares that the factory can't [reload](crate::factory::SessionFactory::reload) a session.
    pub const fn without_reload(mut self) -> Self {
        self.reloads = false;
        self
    }

    /// Declares that every commit has a known outcome, as with a map in memory.
    ///
    /// Such a factory returns no error with
    /// [`Error::is_unavailable`](crate::Error::is_unavailable), so none of its commits is resumed.
    pub const fn always_answers(mut self) -> Self {
        self.resumes = false;
        self
    }

    /// Sets the number of rounds of each race.
    pub const fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Sets a function that counts the stored sessions.
    ///
    /// With it the suite checks that a read stores no session, and that an end comes before a
    /// beginning. No other code may create or end a session in the same store while the suite runs.
    pub fn counting(mut self, kept: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.kept = Some(Arc::new(kept));
        self
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capabilities")
            .field("revokes", &self.revokes)
            .field("merges", &self.merges)
            .field("follows_moves", &self.follows_moves)
            .field("touches", &self.touches)
            .field("reloads", &self.reloads)
            .field("resumes", &self.resumes)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
