//! Stores in SQL databases: the conformance suite and database-specific tests, on real files and
//! servers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql"))]

mod cancels;
mod common;
mod cost;
mod crowded;
mod crowds;
mod earlier;
mod full;
mod galera;
mod locked;
mod modes;
mod mysql;
mod named;
mod outages;
mod poolers;
mod postgres;
mod silent;
mod sqlite;
#[cfg(all(
    feature = "sqlx-mysql",
    feature = "sqlx-postgres",
    feature = "sqlx-sqlite",
    feature = "sqlx08-mysql",
    feature = "sqlx08-postgres",
    feature = "sqlx08-sqlite"
))]
mod sqlx;
#[cfg(feature = "tls")]
mod tls;
