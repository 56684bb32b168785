//! How a file is opened, and what is said when it can't be.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{StoreError, location};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::lane::Lane;
use super::link::{Link, apply};
use super::{SqliteStore, Statements};
use crate::TableName;

/// How long a writer of another process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How large a `-wal` may stay once what is in it has been brought home, in bytes.
const LARGEST_WAL: i64 = 16 * 1024 * 1024;

/// How long readers are waited for that still use a `-wal` that is to be cut: writers wait as long.
const CUT: Duration = Duration::from_millis(500);

/// How often a file is tried that another process is setting up at this moment.
const TRIES: u32 = 100;

/// What a write has to survive, in SQLite's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "SQLite has no others that keep a file whole")]
pub enum Synchronous {
    /// The end of the process, however it ends. A loss of power may take the last writes, and
    /// leaves the file whole.
    #[default]
    Normal,
    /// A loss of power too. Each write waits for the disk.
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
    /// A file, in a folder that is there. Two files more appear beside it while it is open (`-wal`
    /// and `-shm`).
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

    /// What a write has to survive. The default is the end of the process.
    #[must_use]
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How many connections read at the same time, beside the one that writes. The default is 4,
    /// the least is 1.
    #[must_use]
    pub const fn readers(mut self, connections: usize) -> Self {
        self.readers = connections;
        self
    }

    /// Opens the file, creating it and its table where they aren't there yet.
    ///
    /// # Errors
    /// A folder that isn't there, a file that can't be written, or one that isn't a database; the
    /// error names the file. A database in memory (`:memory:`) or an empty path is refused: use
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

    /// Tries again while another process changes the mode of the file, for which SQLite's own
    /// patience has no effect.
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

/// Brings home what is in the `-wal`, and cuts it where it has grown large.
///
/// SQLite does so by itself after some writes, but only while no other process writes or reads:
/// where some always do, the `-wal` grows without bounds.
pub(super) fn tidy(connection: &mut Connection) -> rusqlite::Result<()> {
    let frames = |row: &rusqlite::Row<'_>| row.get::<_, i64>(1);
    let written = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], frames)?;
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    if written.saturating_mul(page) <= LARGEST_WAL {
        return Ok(());
    }
    connection.busy_timeout(CUT)?;
    // Where a reader stays for longer, the next sweep tries again.
    let cut = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], frames);
    connection.busy_timeout(PATIENCE)?;
    cut.map(|_| ())
}

/// No URIs: a path from a configuration is a path, whatever its first letters are.
fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// A relative path gets `./` before it: SQLite must not read a meaning into its first letters.
fn plain(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}
