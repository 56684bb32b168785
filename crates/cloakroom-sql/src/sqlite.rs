//! Sessions in an SQLite file.

mod checkup;
#[cfg(feature = "sqlite")]
mod connection_threads;
mod connections;
mod dialect;
#[cfg(any(feature = "sqlite", feature = "_sqlx"))]
pub(crate) mod failure;
#[cfg(feature = "sqlite")]
mod migrate;
#[cfg(feature = "sqlite")]
mod open;
#[cfg(feature = "sqlite")]
mod shared;
mod statements;
#[cfg(all(test, feature = "sqlite"))]
mod tests;
#[cfg(feature = "sqlite")]
mod threads;

use std::fmt;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;

#[cfg(feature = "sqlite")]
use cloakroom_store::location;
use cloakroom_store::store::StoreError;

use crate::TableName;
use crate::lent::SqlxPool;
use crate::store::{SqlStore, implement_store};
use crate::walks::StepSize;
#[cfg(feature = "sqlite")]
use connection_threads::ConnectionThreads;
use connections::Connections;
#[cfg(feature = "sqlite")]
pub use open::Synchronous;
#[cfg(feature = "sqlite")]
pub use shared::SqliteThreads;
use statements::{QUOTE, SCHEMA, statements};
#[cfg(feature = "sqlite")]
use threads::Threads;

/// Sessions in an SQLite file, which several processes may share.
///
/// Suited to deployments on a single machine. One connection writes and a few read, each on its own
/// thread; a write waits while another process is writing. Clones share the connections. Dropping
/// the last clone waits until they are closed.
///
/// Acknowledged writes survive a crash of the process. With [`Synchronous::Full`] they also survive
/// a power failure.
///
/// # Examples
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use cloakroom_sql::SqliteStore;
/// use cloakroom_store::StoredSessions;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sessions.db");
/// let sessions = StoredSessions::new(SqliteStore::open(path)?).build()?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteStore(SqlStore<Connections>);

impl SqliteStore {
    /// Opens a file, creating it and its table if they don't exist.
    ///
    /// Blocks on disk I/O: call it at start-up. [`SqliteConfig`] has the options.
    ///
    /// # Errors
    /// Fails if the folder doesn't exist, the file can't be written, or it isn't a database; the
    /// error names the file. An in-memory database (`:memory:`) and an empty path are refused: use
    /// [`MemoryStore`](cloakroom_store::MemoryStore).
    #[cfg(feature = "sqlite")]
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        SqliteConfig::new(path).open()
    }

    /// Creates a store on the application's own connection, which keeps its settings.
    ///
    /// Reads and writes share it.
    ///
    /// The table isn't created: see [`SqliteStore::migrate`].
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn from_connection(connection: rusqlite::Connection) -> Self {
        let threads = ConnectionThreads::new(vec![connection]);
        Self::of(Connections::Threads(Threads { writer: threads.clone(), readers: threads, is_ours: false }))
    }

    /// Creates a store on the application's own sqlx pool, of sqlx 0.9 (feature `sqlx-sqlite`) or
    /// 0.8 (feature `sqlx08-sqlite`).
    ///
    /// The pool keeps its settings: the application chooses WAL mode and, if several connections
    /// write, a busy timeout. The table isn't created: see [`SqliteStore::migrate`].
    #[must_use]
    pub fn from_sqlx(pool: impl SqlxPool<Self>) -> Self {
        Self::of(Connections::Lent(pool.lent()))
    }

    fn of(connections: Connections) -> Self {
        Self(SqlStore::new(connections, StepSize::up_to(usize::MAX), statements(TableName::default())))
    }

    /// Sets the table that holds the sessions.
    ///
    /// The table isn't created: see [`SqliteStore::migrate`]. To choose the table before a file is
    /// opened, use [`SqliteConfig::table`].
    #[must_use]
    pub fn table(self, name: TableName) -> Self {
        Self(self.0.statements(statements(name)))
    }

    /// Returns the name of the table that holds the sessions.
    #[must_use]
    pub fn table_name(&self) -> &TableName {
        &self.0.statements.table
    }

    /// Returns the statements that create a table, for use with other migration tools.
    #[must_use]
    pub fn schema(name: &TableName) -> String {
        name.compose(SCHEMA, QUOTE).to_string()
    }

    /// Creates the table and its indexes if they don't exist.
    ///
    /// Several processes may call this concurrently.
    ///
    /// # Errors
    /// Fails if the file can't be written.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.0.connections.migrate(&self.0.statements).await?)
    }
}

/// The options of a [`SqliteStore`].
///
/// # Examples
/// ```
/// use cloakroom_sql::{SqliteConfig, Synchronous};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sessions.db");
/// let store = SqliteConfig::new(path).synchronous(Synchronous::Full).readers(8).open()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "sqlite")]
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    path: PathBuf,
    table: TableName,
    synchronous: Synchronous,
    readers: usize,
}

#[cfg(feature = "sqlite")]
impl SqliteConfig {
    /// Creates a configuration for a file in an existing folder.
    ///
    /// While it is open, SQLite keeps two more files next to it (`-wal` and `-shm`).
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), table: TableName::default(), synchronous: Synchronous::default(), readers: 4 }
    }

    /// Sets the table that holds the sessions. The default is `cloakroom_sessions`.
    #[must_use]
    pub fn table(mut self, name: TableName) -> Self {
        self.table = name;
        self
    }

    /// Sets the failures that a write must survive.
    ///
    /// The default is the end of the process.
    #[must_use]
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Sets the number of connections for reads, in addition to the one that writes.
    ///
    /// The default is 4, the minimum is 1.
    #[must_use]
    pub const fn readers(mut self, connections: usize) -> Self {
        self.readers = connections;
        self
    }

    /// Opens the file, creating it and its table if they don't exist.
    ///
    /// # Errors
    /// Fails if the folder doesn't exist, the file can't be written, or it isn't a database; the
    /// error names the file. An in-memory database (`:memory:`) and an empty path are refused: use
    /// [`MemoryStore`](cloakroom_store::MemoryStore).
    pub fn open(self) -> Result<SqliteStore, StoreError> {
        location::on_disk(&self.path)?;
        let failed = |why: rusqlite::Error| StoreError::unavailable(format!("{}: {why}", self.path.display()));
        let connect = || open::open(&self.path, self.synchronous).map_err(failed);
        let statements = statements(self.table);
        let mut writer = connect()?;
        migrate::apply(&mut writer, &statements).map_err(failed)?;
        let readers = (0..self.readers.max(1)).map(|_| connect()).collect::<Result<_, _>>()?;
        location::warn_of_network(&self.path);
        let (writer, readers) = (ConnectionThreads::new(vec![writer]), ConnectionThreads::new(readers));
        let connections = Connections::Threads(Threads { writer, readers, is_ours: true });
        Ok(SqliteStore(SqlStore::new(connections, StepSize::up_to(usize::MAX), statements)))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("table", self.table_name())
            .field("connections", &self.0.connections)
            .finish()
    }
}

implement_store!(SqliteStore);
