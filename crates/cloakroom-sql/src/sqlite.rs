//! Sessions in an SQLite file.

mod checkup;
mod connection_threads;
mod connections;
pub(crate) mod failure;
mod migrate;
mod open;
mod shared;
mod statements;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::location;
use cloakroom_store::store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use rusqlite::Connection;

use crate::TableName;
use crate::query::{Cells, Failure, TRIES, touch, values};
use crate::row::{begin, found, met, owned, page};
use crate::sweep::sweep;
use crate::walks;
use checkup::run_checkup;
use connection_threads::ConnectionThreads;
use connections::Connections;
pub use open::Synchronous;
pub use shared::SqliteThreads;
use statements::{QUOTE, SCHEMA, Statements};

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
/// use cloakroom_sql::SqliteStore;
/// use cloakroom_store::StoredSessions;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sessions.db");
/// let sessions = StoredSessions::new(SqliteStore::open(path)?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    statements: Arc<Statements>,
    connections: Connections,
}

impl SqliteStore {
    /// Opens a file, creating it and its table if they don't exist.
    ///
    /// Blocks on disk I/O: call it at start-up. [`SqliteConfig`] has the options.
    ///
    /// # Errors
    /// Fails if the folder doesn't exist, the file can't be written, or it isn't a database; the
    /// error names the file. An in-memory database (`:memory:`) and an empty path are refused: use
    /// [`MemoryStore`](cloakroom_store::MemoryStore).
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        SqliteConfig::new(path).open()
    }

    /// Creates a store on the application's own connection, which keeps its settings.
    ///
    /// Reads and writes share it.
    ///
    /// The table isn't created: see [`SqliteStore::migrate`].
    #[must_use]
    pub fn from_connection(connection: Connection) -> Self {
        let threads = ConnectionThreads::new(vec![connection]);
        Self::of(Connections::Threads { writer: threads.clone(), readers: threads, is_ours: false })
    }

    /// Creates a store on the application's own sqlx pool (feature `sqlx-sqlite`).
    ///
    /// The pool keeps its settings: the application chooses WAL mode and, if several connections
    /// write, a busy timeout. The table isn't created: see [`SqliteStore::migrate`]. With this
    /// feature, rusqlite is 0.39, which shares its SQLite with sqlx 0.9.
    #[cfg(feature = "sqlx-sqlite")]
    #[must_use]
    pub fn from_sqlx(pool: sqlx::SqlitePool) -> Self {
        Self::of(Connections::Sqlx(crate::pools::Metered::new(pool, "sqlite")))
    }

    fn of(connections: Connections) -> Self {
        Self { statements: Arc::new(Statements::of(TableName::default())), connections }
    }

    /// Sets the table that holds the sessions.
    ///
    /// The table isn't created: see [`SqliteStore::migrate`]. To choose the table before a file is
    /// opened, use [`SqliteConfig::table`].
    #[must_use]
    pub fn table(self, name: TableName) -> Self {
        Self { statements: Arc::new(Statements::of(name)), ..self }
    }

    /// Returns the name of the table that holds the sessions.
    #[must_use]
    pub fn table_name(&self) -> &TableName {
        &self.statements.table
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
        Ok(self.connections.migrate(&self.statements).await?)
    }

    async fn is_live(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.connections.rows(&self.statements.live, [key.into(), now.into()], |_| Ok(())).await?.is_empty())
    }

    /// Determines why nothing was replaced: the key holds something else, or nothing.
    async fn not_replaced(&self, key: &StoreKey, now: Timestamp) -> Result<Replaced, StoreError> {
        Ok(if self.is_live(key, now).await? { Replaced::Conflict } else { Replaced::Gone })
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
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    path: PathBuf,
    table: TableName,
    synchronous: Synchronous,
    readers: usize,
}

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
        let statements = Arc::new(Statements::of(self.table));
        let mut writer = connect()?;
        migrate::apply(&mut writer, &statements).map_err(failed)?;
        let readers = (0..self.readers.max(1)).map(|_| connect()).collect::<Result<_, _>>()?;
        location::warn_of_network(&self.path);
        let (writer, readers) = (ConnectionThreads::new(vec![writer]), ConnectionThreads::new(readers));
        Ok(SqliteStore { statements, connections: Connections::Threads { writer, readers, is_ours: true } })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("table", &self.statements.table)
            .field("connections", &self.connections)
            .finish()
    }
}

impl Store for SqliteStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut rows = self.connections.rows(&self.statements.load, [key.into()], found(*key, now)).await?;
        Ok(rows.pop().unwrap_or(Loaded::Absent))
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let version = entry.next_version(None);
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, version.number().into()];
        let written = self.connections.changed(&self.statements.create, values).await?;
        Ok(if written == 1 { Created::Yes(version) } else { Created::Taken })
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let (next, seen) = (entry.next_version(Some(&seen)), seen.number().into());
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, seen, next.number().into()];
        match self.connections.changed(&self.statements.replace, values).await? {
            0 => self.not_replaced(key, now).await,
            _ => Ok(Replaced::Yes(next)),
        }
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = touch(key, touched, deadline, now);
        // A touch that another request has already written changes nothing.
        Ok(self.connections.changed(&self.statements.touch, values).await? == 1 || self.is_live(key, now).await?)
    }

    async fn cycle(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let (seen, until, version) = (seen.number().into(), moved_until.into(), entry.next_version(None));
        let first = version.number().into();
        let values = [old.into(), now.into(), seen, new.into(), until, text, created, touched, deadline, owner, first];
        for _ in 0..TRIES {
            match self.connections.changed(&self.statements.cycle, values.clone()).await {
                Err(Failure::Taken) => {}
                Ok(0) => return self.not_replaced(old, now).await,
                Ok(_) => return Ok(Replaced::Yes(version)),
                Err(other) => return Err(other.into()),
            }
            // An expired entry makes room.
            if self.connections.changed(&self.statements.forget, [new.into(), now.into()]).await? == 0 {
                break;
            }
        }
        Err(StoreError::taken(*new))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.connections.changed(&self.statements.end, [key.into(), now.into()]).await? > 0)
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let round = |most: usize| async move {
            let live_on = self.connections.changed(&self.statements.live_on, [now.into(), limit.into()]).await?;
            let gone = self.connections.changed(&self.statements.sweep, [now.into(), most.into()]).await?;
            Ok((usize::try_from(gone).unwrap_or_default(), usize::try_from(live_on + gone).unwrap_or_default()))
        };
        let swept = sweep(limit, round).await?;
        if swept < limit {
            self.connections.tidy().await?;
        }
        Ok(swept)
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let limit = limit.max(1);
        let [created, key] = walks::behind(after)?;
        let values = [owner.into(), now.into(), created, key, limit.saturating_add(1).into()];
        Ok(walks::page(self.connections.rows(&self.statements.owned, values, owned).await?, limit))
    }

    async fn count_owned(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        let read = |cells: &dyn Cells| Ok(cells.number(0).flatten().and_then(|count| usize::try_from(count).ok()));
        let mut rows = self.connections.rows(&self.statements.count_owned, [owner.into(), now.into()], read).await?;
        rows.pop().flatten().ok_or_else(|| StoreError::unavailable("the result has no number"))
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let values = [owner.into(), now.into(), walks::but(keep), limit.into()];
        let done = self.connections.changed(&self.statements.end_owned, values).await?;
        Ok(walks::ended(done, done, limit))
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let from = walks::from(after)?;
        let values = [point.into(), now.into(), from.into(), walks::STEP_OF_A_FILE.into()];
        let found = self
            .connections
            .rows(&self.statements.before, values.clone(), walks::found)
            .await?
            .pop()
            .unwrap_or_default();
        if found.found == 0 {
            return Ok(EndedPage::default());
        }
        let ended = self.connections.changed(&self.statements.end_before, values).await?;
        let page = walks::Step { ended, ..found }.page(from, walks::STEP_OF_A_FILE);
        if page.next.is_some() {
            // Writers of other processes poll for the lock: without a pause they would rarely find
            // the file free.
            tokio::time::sleep(walks::PAUSE).await;
        }
        Ok(page)
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let rows = self.connections.rows(&self.statements.scan, [begin(after)?, now.into(), limit.into()], met).await?;
        Ok(page(rows, limit))
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        run_checkup(&self.connections, &self.statements.checkup).await
    }
}
