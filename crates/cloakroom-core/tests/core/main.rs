//! Tests of the core's public API: its laws, its seal, and its stable formats.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod bridging;
mod commit;
mod keys;
mod lifetimes;
mod operations;
mod records;
mod replay;
mod sealing;
mod secrets;
mod values;
mod vectors;
