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

#[path = "actix/bodies.rs"]
mod bodies;
#[path = "actix/browser.rs"]
mod browser;
#[path = "actix/caching.rs"]
mod caching;
#[path = "actix/cost.rs"]
mod cost;
#[path = "actix/errors.rs"]
mod errors;
#[path = "actix/forms.rs"]
mod forms;
#[path = "actix/places.rs"]
mod places;
