//! The options of a run.

/// A deliberate mistake, which the checker must detect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutant {
    /// The store sometimes acknowledges an update that it doesn't keep.
    LosesUpdates,
    /// The store sometimes ignores the end of a session and acknowledges it.
    Revives,
    /// The store sometimes answers with the session that was loaded before.
    MixesUp,
    /// The feed loses hints, although its connection seems to be well.
    FeedDrops,
    /// The near cache measures the age of its proof with a clock that stands still.
    BoundIgnored,
    /// A request waits for the store for ever.
    NoDeadline,
}

/// The options of a run. The same options and the same seed give the same run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The seed of all random numbers.
    pub seed: u64,
    /// The number of application nodes.
    pub nodes: usize,
    /// The number of visitors, each with at least one session.
    pub visitors: usize,
    /// Page visits per second, in the whole fleet. A page makes one to three requests.
    pub pages_per_second: u64,
    /// The length of a run, in seconds of virtual time, before faults end.
    pub seconds: u64,
    /// Nodes have a near cache and a feed.
    pub cache: bool,
    /// There are faults.
    pub faults: bool,
    /// The share of pages that reach any node, in thousandths. The others reach the visitor's own.
    pub roaming: u64,
    /// A deliberate mistake.
    pub mutant: Option<Mutant>,
}

impl Plan {
    /// Creates the plan of a small run with faults.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            nodes: 5,
            visitors: 40,
            pages_per_second: 60,
            seconds: 60,
            cache: false,
            faults: true,
            roaming: 500,
            mutant: None,
        }
    }
}
