//! Device-bound sessions: every decision, with a signer of our own.
#![cfg(feature = "dbsc")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod device;
mod refresh;
mod registration;
mod rs256;
mod text;
mod using;
