//! The store against real servers.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is the failure report of a test")]

mod bench;
mod clients;
mod cluster;
mod corrupt;
mod crowds;
mod ends;
mod exact;
mod exchange;
mod layout;
mod listed;
mod lost;
mod outages;
mod sentinel;
mod single;
mod sizes;
mod stranded;
#[cfg(feature = "tls")]
mod tls;
mod trips;
mod wires;
