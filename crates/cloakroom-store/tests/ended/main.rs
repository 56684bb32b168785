//! Waiting for the end of a session, and the feeds of hints behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the failure report of a test"
)]

mod feeds;
mod handles;
mod hints;
mod latency;
mod waiting;
mod world;
