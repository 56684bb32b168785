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

#[path = "session/broken.rs"]
mod broken;
#[path = "session/cancelled.rs"]
mod cancelled;
#[path = "session/commit.rs"]
mod commit;
#[path = "session/conformance.rs"]
mod conformance;
#[path = "session/factory.rs"]
mod factory;
#[path = "session/flash.rs"]
mod flash;
#[path = "session/handle.rs"]
mod handle;
#[path = "session/lifetimes.rs"]
mod lifetimes;
#[path = "session/memory.rs"]
mod memory;
#[path = "session/own_code.rs"]
mod own_code;
#[path = "session/panics.rs"]
mod panics;
#[path = "session/rejected.rs"]
mod rejected;
#[path = "session/rotation.rs"]
mod rotation;
#[path = "session/size.rs"]
mod size;
#[path = "session/support.rs"]
mod support;
#[path = "session/traces.rs"]
mod traces;
