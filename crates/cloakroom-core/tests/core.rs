//! Tests of the core's public API: its laws, its seal, and its stable formats.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "core/bridging.rs"]
mod bridging;
#[path = "core/commit.rs"]
mod commit;
#[path = "core/keys.rs"]
mod keys;
#[path = "core/lifetimes.rs"]
mod lifetimes;
#[path = "core/operations.rs"]
mod operations;
#[path = "core/records.rs"]
mod records;
#[path = "core/replay.rs"]
mod replay;
#[path = "core/sealing.rs"]
mod sealing;
#[path = "core/secrets.rs"]
mod secrets;
#[path = "core/values.rs"]
mod values;
#[path = "core/vectors.rs"]
mod vectors;
