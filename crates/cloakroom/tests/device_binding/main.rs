//! Sessions that are bound to a device, over HTTP, on every adapter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod adapters;
mod browser;
mod endpoints;
mod options;
mod proofs;
mod shop;
