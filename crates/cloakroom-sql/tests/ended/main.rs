//! Ends that stores announce: of this process, and of all processes that use a PostgreSQL server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the failure report of a test"
)]

#[cfg(feature = "sqlite")]
mod local;
#[cfg(feature = "postgres")]
mod node;
#[cfg(feature = "postgres")]
mod notified;
#[cfg(feature = "postgres")]
mod pooled;
#[cfg(feature = "postgres")]
mod pushes;
