//! Stores in SQL databases: the conformance suite and database-specific tests, on real files and
//! servers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql"))]

#[path = "sql/cancels.rs"]
mod cancels;
#[path = "sql/common.rs"]
mod common;
#[path = "sql/cost.rs"]
mod cost;
#[path = "sql/crowded.rs"]
mod crowded;
#[path = "sql/crowds.rs"]
mod crowds;
#[path = "sql/earlier.rs"]
mod earlier;
#[path = "sql/full.rs"]
mod full;
#[path = "sql/galera.rs"]
mod galera;
#[path = "sql/locked.rs"]
mod locked;
#[path = "sql/modes.rs"]
mod modes;
#[path = "sql/mysql.rs"]
mod mysql;
#[path = "sql/named.rs"]
mod named;
#[path = "sql/outages.rs"]
mod outages;
#[path = "sql/poolers.rs"]
mod poolers;
#[path = "sql/postgres.rs"]
mod postgres;
#[path = "sql/silent.rs"]
mod silent;
#[path = "sql/sqlite.rs"]
mod sqlite;
#[cfg(all(feature = "sqlx-mysql", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
#[path = "sql/sqlx.rs"]
mod sqlx;
#[cfg(feature = "tls")]
#[path = "sql/tls.rs"]
mod tls;
