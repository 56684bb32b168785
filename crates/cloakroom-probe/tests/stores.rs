//! Every store behind the probe, over HTTP and on real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "stores/place.rs"]
#[expect(dead_code, reason = "the scenarios stop the server")]
mod place;
#[path = "stores/probe.rs"]
mod probe;
#[path = "stores/races.rs"]
mod races;
#[path = "stores/round_trips.rs"]
mod round_trips;
#[path = "stores/slow.rs"]
mod slow;
