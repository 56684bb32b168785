//! Sessions in SQL databases: SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! One table, and for each operation of a store one statement, which the database carries out whole
//! or not at all. Which sessions are over is decided by the `now` that is passed in, never by the
//! database's clock.
//!
//! | module | what it is about |
//! |---|---|
//! | `name` | the name of the table |
//! | `statements` | what is said to a database, with a dialect each |
//! | `link` | parameters, rows and failures, whichever driver carries them |
//! | `gate` | how many connections may be wanted at the same time |
//! | `sweep` | the rounds of a sweep |
//! | `walks` | an owner's sessions and everybody's, step by step |
//! | `suspects` | connections that may be silent |
//! | `row` | what comes back, checked |
//! | `sqlite` | an SQLite file (feature `sqlite`) |
//! | `postgres` | a PostgreSQL database (feature `postgres`) |
//! | `mysql` | a MySQL or MariaDB database (feature `mysql`) |
//! | `pools` | pools of sqlx 0.9 that the application has (features `sqlx-sqlite`, `sqlx-postgres`, `sqlx-mysql`) |
//! | `url`, `tls` | what a URL says about encryption, and encrypted connections (feature `tls`) |
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("sessions.db");
//! use cloakroom_sql::SqliteStore;
//! use cloakroom_store::{Loaded, Store as _};
//! use cloakroom_session::{SessionId, Timestamp};
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
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod link;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod name;
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres", feature = "sqlx-mysql"))]
mod pools;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod statements;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod suspects;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod sweep;
#[cfg(all(feature = "tls", any(feature = "postgres", feature = "mysql")))]
mod tls;
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

/// Connections for the bridges' crate. They change without notice: nothing here is promised.
#[doc(hidden)]
pub mod connections {
    #[cfg(feature = "postgres")]
    pub use crate::postgres::PostgresConnections;
    #[cfg(feature = "sqlite")]
    pub use crate::sqlite::SqliteThreads;
    #[cfg(feature = "sqlite")]
    pub use cloakroom_store::location::on_disk;
}
