//! What an application survives: it is killed, its database is killed or hangs, its disk is full.
//!
//! Each client counts what it was told was done, and at the end what is there: everything that was
//! acknowledged, and of everything else the whole or nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that panics has said what it found; recovery takes real time, which is measured"
)]

#[path = "faults/application.rs"]
mod application;
#[path = "faults/full.rs"]
mod full;
#[path = "faults/hangs.rs"]
mod hangs;
#[path = "faults/journal.rs"]
mod journal;
#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/lost.rs"]
mod lost;
