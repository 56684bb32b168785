//! The commit protocol under every interleaving, and the memory store under the conformance suite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has said what it found"
)]

#[path = "store/explorer.rs"]
mod explorer;
#[path = "store/gated.rs"]
mod gated;
#[path = "store/interleavings.rs"]
mod interleavings;
