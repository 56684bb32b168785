//! The store against an emulator of DynamoDB.
#![expect(clippy::unwrap_used, reason = "a panic is the failure report of a test")]

mod common;
mod conformance;
mod faults;
mod tables;
mod trips;
mod wire;
