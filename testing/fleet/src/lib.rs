//! A deterministic simulation of a fleet: many application nodes with one store.
//!
//! The factories, queues, near caches and waits are the real code. Time, network, feed, visitors
//! and faults are simulated and come from a seed, in one thread. Each run is checked against the
//! promises, and the same seed repeats it.
//!
//! | file | contents |
//! |---|---|
//! | `random` | the seeded random numbers |
//! | `plan` | the options of a run |
//! | `server` | the store's server, right or deliberately wrong |
//! | `network` | the faults, and the latency of messages |
//! | `wire` | the store as a node sees it, over the network |
//! | `link` | the connection of a node to the store's feed |
//! | `node` | an application node, with its own clock |
//! | `checker` | the history of each session, and the promises |
//! | `visitors` | requests of visitors |
//! | `run` | one run, from the seed to the report |

mod checker;
mod link;
mod network;
mod node;
mod plan;
mod random;
mod run;
mod server;
mod visitors;
mod wire;

pub use checker::{Checks, Violation};
pub use plan::{Mutant, Plan};
pub use run::{Report, run};
