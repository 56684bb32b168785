//! The compiled program, on real stores.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "cli/common.rs"]
mod common;
#[path = "cli/conform.rs"]
mod conform;
#[path = "cli/keys.rs"]
mod keys;
#[path = "cli/manual.rs"]
mod manual;
#[path = "cli/migrate.rs"]
mod migrate;
#[path = "cli/stores.rs"]
mod stores;
#[path = "cli/while_running.rs"]
mod while_running;
