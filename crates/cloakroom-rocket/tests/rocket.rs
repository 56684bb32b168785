//! The fairings in a Rocket without a network. The example tests them over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "rocket/csrf.rs"]
mod csrf;
#[path = "rocket/sessions.rs"]
mod sessions;
#[path = "rocket/site.rs"]
mod site;
