//! The commit protocol under every interleaving, and requests that are slow, unlucky, or over a store that fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has said what it found"
)]

#[path = "store/explorer.rs"]
mod explorer;
#[path = "store/faulty.rs"]
mod faulty;
#[path = "store/gated.rs"]
mod gated;
#[path = "store/interleavings.rs"]
mod interleavings;
#[path = "store/memory.rs"]
mod memory;
#[path = "store/requests.rs"]
mod requests;
