//! Sessions in SQL databases: SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! All sessions are in one table, and each store operation is one statement, which the database
//! executes atomically. The `now` that the caller passes in decides which sessions have expired;
//! the database's clock is never used.
//!
//! | module | contents |
//! |---|---|
//! | `store` | every operation, once for all databases, and the trait for those that differ |
//! | `two_statements` | operations that SQLite and MySQL need two statements for |
//! | `name` | the name of the table, and the set of statements built with it |
//! | `statements` | the SQL statements, with a variant per dialect where needed |
//! | `query` | parameters, rows, failures and the trait that runs statements, independent of the driver |
//! | `gate` | the limit on concurrent requests for a connection |
//! | `sweep` | the rounds of a sweep |
//! | `walks` | paging through an owner's sessions and through all sessions |
//! | `suspects` | connections that may be silent |
//! | `row` | decoding and validation of rows |
//! | `sqlite` | an SQLite file (feature `sqlite`, or one of the pools) |
//! | `postgres` | a PostgreSQL database (feature `postgres`, or one of the pools) |
//! | `mysql` | a MySQL or MariaDB database (feature `mysql`, or one of the pools) |
//! | `lent` | the application's own pool, independent of its library |
//! | `pools` | the application's own sqlx pools: 0.9 (features `sqlx-sqlite`, `sqlx-postgres`, `sqlx-mysql`) and 0.8 (`sqlx08-sqlite`, `sqlx08-postgres`, `sqlx08-mysql`) |
//! | `url`, `tls` | encryption options in URLs, and encrypted connections (feature `tls`) |
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("sessions.db");
//! use cloakroom_sql::SqliteStore;
//! use cloakroom_store::store::{Loaded, Store as _};
//! use cloakroom_session::Timestamp;
//! use cloakroom_session::factory::SessionId;
//!
//! let store = SqliteStore::open(path)?;
//! let key = SessionId::from_random([7; 32]).store_key();
//! assert_eq!(store.load(&key, Timestamp::from_unix_secs(1_700_000_000)).await?, Loaded::Absent);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```

// Each database has two features, or more: its own driver, and the application's pools of sqlx.
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod gate;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
mod lent;
#[cfg(feature = "_mysql")]
mod mysql;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
mod name;
#[cfg(feature = "_sqlx")]
mod pools;
#[cfg(feature = "_postgres")]
mod postgres;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
mod query;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
mod row;
#[cfg(feature = "_sqlite")]
mod sqlite;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
mod statements;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
mod store;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod suspects;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
mod sweep;
#[cfg(all(feature = "tls", any(feature = "postgres", feature = "mysql")))]
mod tls;
#[cfg(any(feature = "_sqlite", feature = "_mysql"))]
mod two_statements;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod url;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
mod walks;

#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
pub use lent::SqlxPool;
#[cfg(feature = "_mysql")]
pub use mysql::MysqlStore;
#[cfg(any(feature = "_sqlite", feature = "_postgres", feature = "_mysql"))]
pub use name::TableName;
#[cfg(feature = "_postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "_sqlite")]
pub use sqlite::SqliteStore;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteConfig, Synchronous};

/// Connections for the bridge crate.
///
/// Not part of the stable API: they may change in any release.
#[doc(hidden)]
pub mod connections {
    #[cfg(feature = "mysql")]
    pub use crate::mysql::MysqlConnections;
    #[cfg(feature = "postgres")]
    pub use crate::postgres::PostgresConnections;
    #[cfg(feature = "sqlite")]
    pub use crate::sqlite::SqliteThreads;
    #[cfg(feature = "sqlite")]
    pub use cloakroom_store::location::on_disk;
}
