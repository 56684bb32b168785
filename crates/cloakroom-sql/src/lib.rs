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
//! | `sqlite` | an SQLite file (feature `sqlite`) |
//! | `postgres` | a PostgreSQL database (feature `postgres`) |
//! | `mysql` | a MySQL or MariaDB database (feature `mysql`) |
//! | `pools` | the application's own sqlx 0.9 pools (features `sqlx-sqlite`, `sqlx-postgres`, `sqlx-mysql`) |
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

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod gate;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod name;
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres", feature = "sqlx-mysql"))]
mod pools;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod query;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod statements;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod store;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod suspects;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod sweep;
#[cfg(all(feature = "tls", any(feature = "postgres", feature = "mysql")))]
mod tls;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
mod two_statements;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod url;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod walks;

#[cfg(feature = "mysql")]
pub use mysql::MysqlStore;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use name::TableName;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteConfig, SqliteStore, Synchronous};

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
