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

#[path = "scenarios/csrf.rs"]
mod csrf;
#[path = "scenarios/flash.rs"]
mod flash;
#[path = "scenarios/headers.rs"]
mod headers;
#[path = "scenarios/http.rs"]
mod http;
#[path = "scenarios/identity.rs"]
mod identity;
#[path = "scenarios/kinds.rs"]
mod kinds;
#[path = "scenarios/lifetimes.rs"]
mod lifetimes;
#[path = "scenarios/list.rs"]
mod list;
#[path = "scenarios/outages.rs"]
mod outages;
#[path = "stores/place.rs"]
#[expect(dead_code, reason = "the tests of stores count round trips with it")]
mod place;
#[path = "scenarios/races.rs"]
mod races;
#[path = "scenarios/sessions.rs"]
mod sessions;
#[path = "scenarios/streams.rs"]
mod streams;
#[path = "scenarios/world.rs"]
mod world;
