//! Endings that real servers push: a sign-out on one node resolves `ended` on another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the failure report of a test"
)]

mod feed;
mod latency;
mod node;
mod pushes;
