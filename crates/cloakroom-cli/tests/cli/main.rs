//! The compiled program, on real stores.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod aliases;
mod common;
mod conform;
mod devices;
mod keys;
mod manual;
mod migrate;
mod packed;
mod packed_stores;
mod stores;
mod while_running;
