//! Faults that an application must survive: it is killed, its database is killed or hangs, its disk
//! is full.
//!
//! Each client records which writes were acknowledged and compares them with the session at the
//! end. Every acknowledged write must be there; any other write must be there completely or not at
//! all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails; recovery takes real time, which is measured"
)]

mod application;
mod full;
mod hangs;
mod journal;
mod killed;
mod lost;
