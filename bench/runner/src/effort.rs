//! How long measuring may take.

use std::time::Duration;

/// How long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// For a look: figures of time are rough.
    Quick,
    Full,
}

impl Effort {
    /// How many turns a load has, and how long its connections ask in each.
    pub const fn loads(self) -> (u32, Duration) {
        match self {
            Self::Quick => (1, Duration::from_millis(500)),
            Self::Full => (3, Duration::from_secs(1)),
        }
    }

    /// Sessions in a store that grows.
    pub const fn sessions(self) -> u32 {
        match self {
            Self::Quick => 10_000,
            Self::Full => 1_000_000,
        }
    }

    /// Rounds of turns, and in each the batches and the requests of a batch.
    pub const fn turns(self) -> (usize, u32, u32) {
        match self {
            Self::Quick => (3, 3, 200),
            Self::Full => (7, 10, 1000),
        }
    }

    /// The instructions of a row are the difference of two runs, divided by the requests that the
    /// second makes more.
    pub const fn counted(self) -> (u32, u32) {
        match self {
            Self::Quick => (20, 120),
            Self::Full => (50, 350),
        }
    }
}
