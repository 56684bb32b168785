//! The commit protocol in every interleaving, requests against failing stores, and the built-in
//! stores under the conformance suite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the failure report of a test"
)]

mod broken;
mod cached;
mod clocks;
mod conformance;
mod crowds;
mod deployments;
mod explorer;
mod factory;
mod faulty;
mod file;
mod first_writes;
mod flights;
mod form_tokens;
#[path = "../../../cloakroom-session/tests/session/former.rs"]
mod former;
mod gated;
mod groups;
mod health;
mod interleavings;
mod latest;
mod limits;
mod memory;
mod metrics;
mod outcomes;
mod packed;
mod presets;
mod processes;
mod refresh;
mod requests;
mod sessions;
mod sharded;
mod sweeper;
