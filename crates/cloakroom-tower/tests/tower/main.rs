//! The layers over HTTP: without a framework, with axum, and with arbitrary input from the network.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a panic is how a test fails"
)]

mod axum_handlers;
mod bodies;
mod browser;
mod commit;
mod csrf;
mod double_submit;
mod headers;
mod memory;
mod nested;
mod noise;
mod order;
mod peers;
mod plain;
mod reporting;
mod sockets;
#[path = "../../../cloakroom-session/tests/session/traces.rs"]
mod traces;
mod unfinished;
