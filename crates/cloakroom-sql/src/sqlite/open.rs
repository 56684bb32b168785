//! Opening a file, and the errors of opening.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{StoreError, location};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::lane::Lane;
use super::link::{Link, apply};
use super::{SqliteStore, Statements};
use crate::TableName;

/// The time to wait for a writer of another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// The size in bytes that the `-wal` may keep after a checkpoint.
const LARGEST_WAL: i64 = 16 * 1024 * 1024;

/// The time to wait for readers of a `-wal` that is to be truncated. Writers are blocked as long.
const CUT: Duration = Duration::from_millis(500);

/// The number of attempts to open a file that another process is setting up.
const TRIES: u32 = 100;

/// The failures that a write must survive, by SQLite's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "SQLite's other modes may corrupt the file")]
pub enum Synchronous {
    /// Any end of the process, including a crash. A power failure may lose the last writes but
    /// leaves the file intact.
    #[default]
    Normal,
    /// A power failure as well. Each write waits for the disk.
    Full,
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
        let told = |why: String| StoreError::unavailable(format!("{}: {why}", self.path.display()));
        let words = Arc::new(Statements::of(self.table.clone()));
        let mut writer = self.patient(Self::connect).map_err(|why| told(why.to_string()))?;
        apply(&mut writer, &words).map_err(|why| told(why.to_string()))?;
        let readers: Result<Vec<_>, _> = (0..self.readers.max(1)).map(|_| self.patient(Self::connect)).collect();
        let readers = readers.map_err(|why| told(why.to_string()))?;
        location::warn_of_network(&self.path);
        let (writer, readers) = (Lane::new(vec![writer]), Lane::new(readers));
        Ok(SqliteStore { words, link: Link::Lanes { writer, readers, is_ours: true } })
    }

    /// Retries while another process changes the journal mode of the file; SQLite's own busy
    /// timeout doesn't cover that.
    fn patient(&self, step: impl Fn(&Self) -> rusqlite::Result<Connection>) -> rusqlite::Result<Connection> {
        let mut tried = 1;
        loop {
            match step(self) {
                Err(why) if why.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tried < TRIES => {
                    tried += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                answer => return answer,
            }
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(plain(&self.path), flags())?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let synchronous = match self.synchronous {
            Synchronous::Normal => "NORMAL",
            Synchronous::Full => "FULL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "journal_size_limit", LARGEST_WAL)?;
        Ok(connection)
    }
}

/// Runs a checkpoint, and truncates the `-wal` if it has grown large.
///
/// SQLite does so by itself after a number of writes, but only while no other process reads or
/// writes. If some always do, the `-wal` grows without bounds.
pub(super) fn tidy(connection: &mut Connection) -> rusqlite::Result<()> {
    let frames = |row: &rusqlite::Row<'_>| row.get::<_, i64>(1);
    let written = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], frames)?;
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    if written.saturating_mul(page) <= LARGEST_WAL {
        return Ok(());
    }
    connection.busy_timeout(CUT)?;
    // If a reader stays longer, the next sweep tries again.
    let cut = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], frames);
    connection.busy_timeout(PATIENCE)?;
    cut.map(|_| ())
}

/// No URIs: a configured path is always a path, even if it begins with `file:`.
fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Prefixes a relative path with `./`, so that SQLite doesn't interpret its first letters.
fn plain(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}
