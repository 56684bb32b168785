//! Sessions through an engine, driven like in an adapter, without a framework or network, with a
//! manual clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a panic is how a test fails"
)]

mod broken;
mod cancelled;
mod commit;
mod conformance;
mod deployments;
mod domains;
mod factory;
mod flash;
mod former;
mod handle;
mod header;
mod lifetimes;
mod memory;
mod own_code;
mod panics;
mod rejected;
mod rotation;
mod sign_in;
mod size;
mod support;
mod traces;
