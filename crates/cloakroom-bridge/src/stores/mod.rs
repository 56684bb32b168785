//! Where other frameworks keep their records: Redis, PostgreSQL and SQLite, in their own keys and
//! columns.
//!
//! Tables and indexes are made, and expired rows are deleted, by the framework: here nothing is
//! that it wouldn't find as it left it.

#[cfg(feature = "records-postgres")]
mod postgres;
#[cfg(feature = "records-redis")]
mod redis;
#[cfg(feature = "records-sqlite")]
mod sqlite;
#[cfg(any(feature = "records-postgres", feature = "records-sqlite"))]
mod table;

#[cfg(feature = "records-postgres")]
pub use postgres::PostgresRecords;
#[cfg(feature = "records-redis")]
pub use redis::RedisRecords;
#[cfg(feature = "records-sqlite")]
pub use sqlite::SqliteRecords;
