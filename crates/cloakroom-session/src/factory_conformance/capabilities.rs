//! The things that a factory says it can do.

use std::fmt;
use std::sync::Arc;

/// The things that a factory can do beyond the duties of every factory.
///
/// A check of something that a factory cannot do is left out, or becomes a check that the factory
/// is honest about it.
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
    /// All of them, as `StoredSessions` has; 50 rounds of each race.
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

    /// A session cannot be ended before its deadline, because the browser holds the only copy.
    pub const fn without_revocation(mut self) -> Self {
        self.revokes = false;
        self.follows_moves = false;
        self
    }

    /// Of two requests that change a session at the same time, the later one wins.
    pub const fn without_merging(mut self) -> Self {
        self.merges = false;
        self
    }

    /// It keeps no tombstone under an id that has moved: a sign-out that brings the old id ends
    /// nothing.
    pub const fn without_tombstones(mut self) -> Self {
        self.follows_moves = false;
        self
    }

    /// A read extends no deadline.
    pub const fn without_touches(mut self) -> Self {
        self.touches = false;
        self
    }

    /// It cannot [look again](crate::SessionFactory::reload) at a session.
    pub const fn without_reload(mut self) -> Self {
        self.reloads = false;
        self
    }

    /// None of its commits is ever without an answer, as with a map in memory: it returns no error
    /// with [`Error::is_unavailable`](crate::Error::is_unavailable), so no commit of it is resumed.
    pub const fn always_answers(mut self) -> Self {
        self.resumes = false;
        self
    }

    /// The number of rounds of each race.
    pub const fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Counts the sessions that are kept now. With it the suite sees that nothing is kept for a
    /// session that was only read, and that an end comes before a beginning.
    ///
    /// Nothing else may create or end a session in the same place while the suite runs.
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
