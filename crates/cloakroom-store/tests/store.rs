//! The commit protocol in every interleaving, requests against failing stores, and the built-in
//! stores under the conformance suite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the failure report of a test"
)]

#[path = "store/broken.rs"]
mod broken;
#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/crowds.rs"]
mod crowds;
#[path = "store/explorer.rs"]
mod explorer;
#[path = "store/factory.rs"]
mod factory;
#[path = "store/faulty.rs"]
mod faulty;
#[path = "store/file.rs"]
mod file;
#[path = "store/flights.rs"]
mod flights;
#[path = "store/gated.rs"]
mod gated;
#[path = "store/groups.rs"]
mod groups;
#[path = "store/health.rs"]
mod health;
#[path = "store/interleavings.rs"]
mod interleavings;
#[path = "store/limits.rs"]
mod limits;
#[path = "store/memory.rs"]
mod memory;
#[path = "store/metrics.rs"]
mod metrics;
#[path = "store/outcomes.rs"]
mod outcomes;
#[path = "store/packed.rs"]
mod packed;
#[path = "store/processes.rs"]
mod processes;
#[path = "store/refresh.rs"]
mod refresh;
#[path = "store/requests.rs"]
mod requests;
#[path = "store/sessions.rs"]
mod sessions;
#[path = "store/sweeper.rs"]
mod sweeper;
