//! End-to-end behaviour of sessions: one list of scenarios, run over real HTTP on every adapter and
//! every kind of back end.
//!
//! A scenario is independent of the adapter. If it cannot be, the adapter has a bug.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod csrf;
mod flash;
mod headers;
mod http;
mod identity;
mod kinds;
mod lifetimes;
mod list;
mod outages;
#[path = "../stores/place.rs"]
#[expect(dead_code, reason = "the tests of stores count round trips with it")]
mod place;
mod races;
mod sessions;
mod streams;
mod world;
