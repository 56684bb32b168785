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

#[path = "tower/axum.rs"]
mod axum_handlers;
#[path = "tower/bodies.rs"]
mod bodies;
#[path = "tower/browser.rs"]
mod browser;
#[path = "tower/commit.rs"]
mod commit;
#[path = "tower/csrf.rs"]
mod csrf;
#[path = "tower/double_submit.rs"]
mod double_submit;
#[path = "tower/headers.rs"]
mod headers;
#[path = "tower/memory.rs"]
mod memory;
#[path = "tower/nested.rs"]
mod nested;
#[path = "tower/noise.rs"]
mod noise;
#[path = "tower/peers.rs"]
mod peers;
#[path = "tower/plain.rs"]
mod plain;
#[path = "tower/reporting.rs"]
mod reporting;
#[path = "tower/sockets.rs"]
mod sockets;
#[path = "../../cloakroom-session/tests/session/traces.rs"]
mod traces;
