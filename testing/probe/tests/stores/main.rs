//! Every store behind the probe, over HTTP and on real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[expect(dead_code, reason = "the scenarios stop the server")]
mod place;
mod probe;
mod races;
mod round_trips;
mod slow;
