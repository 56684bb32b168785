//! Device-bound sessions: every order of concurrent requests and crashes between their steps, lists
//! for operators, and metrics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod browser;
#[path = "../store/explorer.rs"]
#[allow(dead_code, reason = "not all shared test code is used here")]
mod explorer;
mod lists;
mod metrics;
mod orders;
mod world;
