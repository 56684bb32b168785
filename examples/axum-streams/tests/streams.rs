//! The example over HTTP: other requests change and end a session during a response.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "streams/clients.rs"]
mod clients;
#[path = "streams/events.rs"]
mod events;
#[path = "streams/sockets.rs"]
mod sockets;
