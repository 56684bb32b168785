//! What is actix-web's own: where middleware goes, errors that become responses, payloads and
//! bodies.
//!
//! What all adapters do alike is in the list of scenarios that the probe runs over real HTTP on
//! each of them.
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
