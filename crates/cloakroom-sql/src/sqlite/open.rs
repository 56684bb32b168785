//! Opening and tidying a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

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

/// Opens a connection to a file.
///
/// Retries while another process changes the journal mode of the file; SQLite's own busy timeout
/// doesn't cover that.
pub(super) fn open(path: &Path, synchronous: Synchronous) -> rusqlite::Result<Connection> {
    let mut tried = 1;
    loop {
        match connect(path, synchronous) {
            Err(why) if why.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tried < TRIES => {
                tried += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            answer => return answer,
        }
    }
}

fn connect(path: &Path, synchronous: Synchronous) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(plain(path), flags())?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match synchronous {
        Synchronous::Normal => "NORMAL",
        Synchronous::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "journal_size_limit", LARGEST_WAL)?;
    Ok(connection)
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
