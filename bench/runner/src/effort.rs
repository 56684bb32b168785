//! The length of the measurements.

use std::time::Duration;

/// The length of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// For a first impression: times are imprecise.
    Quick,
    Full,
}

impl Effort {
    /// The number of turns of a load, and the duration of each.
    pub const fn loads(self) -> (u32, Duration) {
        match self {
            Self::Quick => (1, Duration::from_millis(500)),
            Self::Full => (3, Duration::from_secs(1)),
        }
    }

    /// The largest number of sessions in the growth measurement.
    pub const fn sessions(self) -> u32 {
        match self {
            Self::Quick => 10_000,
            Self::Full => 1_000_000,
        }
    }

    /// The number of rounds, the batches in each, and the requests in a batch.
    pub const fn turns(self) -> (usize, u32, u32) {
        match self {
            Self::Quick => (3, 3, 200),
            Self::Full => (7, 10, 1000),
        }
    }

    /// The requests in two runs of a row, as in `cargo xtask guard`. The difference of their
    /// instructions, divided by the additional requests, is the cost of one.
    pub const fn counted() -> (u32, u32) {
        (20, 120)
    }
}
