//! Stores in SQL databases: the conformance suite, and what only databases have. Real files and real servers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql"))]

#[path = "sql/common.rs"]
mod common;
#[path = "sql/mysql.rs"]
mod mysql;
#[path = "sql/postgres.rs"]
mod postgres;
#[path = "sql/sqlite.rs"]
mod sqlite;
#[path = "sql/wire.rs"]
mod wire;
