//! Behaviour specific to actix-web: the order of middleware, errors that become responses, payloads
//! and bodies.
//!
//! The behaviour common to all adapters is in the list of scenarios that the probe runs over HTTP
//! on each of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod bodies;
mod browser;
mod caching;
mod cost;
mod errors;
mod forms;
mod nested;
mod places;
