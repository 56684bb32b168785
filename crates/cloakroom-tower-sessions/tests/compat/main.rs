//! Applications of tower-sessions, axum-login and axum-messages on Cloakroom's sessions.
#![cfg(feature = "v0-14")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod browser;
mod equivalence;
mod expiry;
mod failures;
mod ids;
mod layers;
mod login;
mod messages;
mod races;
mod suite;
#[path = "../../../cloakroom-session/tests/session/traces.rs"]
#[expect(dead_code, reason = "fields of events aren't used here")]
mod traces;
