//! The store against real servers.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is the failure report of a test")]

#[path = "redis/bench.rs"]
mod bench;
#[path = "redis/clients.rs"]
mod clients;
#[path = "redis/cluster.rs"]
mod cluster;
#[path = "redis/corrupt.rs"]
mod corrupt;
#[path = "redis/crowds.rs"]
mod crowds;
#[path = "redis/ends.rs"]
mod ends;
#[path = "redis/exact.rs"]
mod exact;
#[path = "redis/exchange.rs"]
mod exchange;
#[path = "redis/layout.rs"]
mod layout;
#[path = "redis/listed.rs"]
mod listed;
#[path = "redis/lost.rs"]
mod lost;
#[path = "redis/outages.rs"]
mod outages;
#[path = "redis/sentinel.rs"]
mod sentinel;
#[path = "redis/single.rs"]
mod single;
#[path = "redis/sizes.rs"]
mod sizes;
#[cfg(feature = "tls")]
#[path = "redis/tls.rs"]
mod tls;
#[path = "redis/trips.rs"]
mod trips;
#[path = "redis/wires.rs"]
mod wires;
