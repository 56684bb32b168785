//! Aliases: every order of a sign-in and the end of its alias, crashes between their steps, and the
//! rules that applications see.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the failure report of a test"
)]

#[path = "../store/explorer.rs"]
mod explorer;
mod orders;
mod rules;
mod world;
