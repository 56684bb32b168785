//! Stores of other frameworks: Redis, PostgreSQL, MySQL and SQLite, with the frameworks' own keys
//! and columns.
//!
//! The framework creates its tables and indexes and deletes expired rows. These stores write only
//! data in the form that the framework itself writes.

#[cfg(feature = "records-mysql")]
mod mysql;
#[cfg(feature = "records-postgres")]
mod postgres;
#[cfg(feature = "records-redis")]
mod redis;
#[cfg(feature = "records-sqlite")]
mod sqlite;
#[cfg(any(feature = "records-mysql", feature = "records-postgres", feature = "records-sqlite"))]
mod table;

#[cfg(feature = "records-mysql")]
pub use mysql::MysqlRecords;
#[cfg(feature = "records-postgres")]
pub use postgres::PostgresRecords;
#[cfg(feature = "records-redis")]
pub use redis::RedisRecords;
#[cfg(feature = "records-sqlite")]
pub use sqlite::SqliteRecords;
