//! The record of all work done, in an SQLite file.
//!
//! Each page is recorded twice: as an intent before it is written, and as done afterwards. So after
//! a killed run, the next run has to check at most one page.
//!
//! The journal isn't held in memory: a store may have more sessions than fit.
//!
//! | table | contents |
//! |---|---|
//! | `stores` | the identities of both stores, in one row |
//! | `sessions` | the state of each key (`Known`), and the last pass that found it |
//! | `ending` | sessions that ended at the source and are about to be ended at the target |

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use cloakroom::Timestamp;
use cloakroom::store::{ScannedSession, StoreIdentity, StoreKey};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, ToSql, params};

use super::step::{Known, Mark};
use crate::outcome::WrongUse;

/// The first bytes of every SQLite file.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// The position of `PRAGMA application_id` in an SQLite file.
const APPLICATION_AT: std::ops::Range<usize> = 68..72;

/// The first bytes of the first release's journal, which was a text file.
const OLD: &[u8] = b"cloakroom-migrate 1 ";

/// The `PRAGMA application_id` that identifies our journals: "cloj".
const APPLICATION: i32 = 0x636c_6f6a;

const VERSION: i32 = 2;

const SCHEMA: &str = "
    CREATE TABLE stores (source TEXT NOT NULL, target TEXT NOT NULL, walks INTEGER NOT NULL);
    CREATE TABLE sessions (
        key BLOB PRIMARY KEY, walk INTEGER NOT NULL DEFAULT 0,
        version INTEGER, print INTEGER, touched INTEGER, deadline INTEGER,
        new_version INTEGER, new_print INTEGER, new_touched INTEGER, new_deadline INTEGER,
        is_open INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX open_sessions ON sessions (key) WHERE is_open = 1;
    CREATE TABLE ending (key BLOB PRIMARY KEY) WITHOUT ROWID;";

const KNOWN: &str = "SELECT version, print, touched, deadline, new_version, new_print, new_touched, new_deadline \
    FROM sessions WHERE key = ?1";

const INTEND: &str = "INSERT INTO sessions (key, new_version, new_print, new_touched, new_deadline, is_open) \
    VALUES (?1, ?2, ?3, ?4, ?5, 1) ON CONFLICT (key) DO UPDATE SET new_version = ?2, new_print = ?3, new_touched = ?4, \
    new_deadline = ?5, is_open = 1";

const LEAVE: &str = "UPDATE sessions SET new_version = NULL, new_print = NULL, new_touched = NULL, new_deadline = NULL, \
    is_open = 0 WHERE key = ?1";

const SETTLE: &str = "UPDATE sessions SET version = new_version, print = new_print, touched = new_touched, \
    deadline = new_deadline, new_version = NULL, new_print = NULL, new_touched = NULL, new_deadline = NULL, is_open = 0 \
    WHERE is_open = 1";

const MEET: &str = "INSERT INTO sessions (key, walk) VALUES (?1, ?2) \
    ON CONFLICT (key) DO UPDATE SET walk = ?2 WHERE walk <> ?2";

const MISSING: &str =
    "SELECT key FROM sessions WHERE key > ?1 AND version IS NOT NULL AND walk <> ?2 ORDER BY key LIMIT ?3";

const ENDING: &str = "SELECT key FROM ending WHERE key > ?1 ORDER BY key LIMIT ?2";

/// The number of a pass over the source. Each run makes at most two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass(i64);

/// The numbers of copied sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) all: u64,
    /// Those that the pass has found at the source.
    pub(super) met: u64,
}

/// The journal file, locked while it is open.
#[derive(Debug)]
pub(super) struct Journal {
    file: Connection,
}

impl Journal {
    /// Opens the journal in this file, and creates the file if it doesn't exist.
    pub(super) fn open(path: &Path, from: &StoreIdentity, to: &StoreIdentity) -> anyhow::Result<Self> {
        let shown = path.display();
        let head = head(path).with_context(|| format!("opening the journal {shown}"))?;
        match head.as_slice() {
            // The files that SQLite puts next to it get the same mode.
            [] => created(path).with_context(|| format!("creating the journal {shown}"))?,
            head if head.starts_with(SQLITE) && head.get(APPLICATION_AT) == Some(&APPLICATION.to_be_bytes()) => {}
            head if head.starts_with(OLD) => bail!(WrongUse::new(format!(
                "the journal {shown} is from an earlier release, which didn't record the prefix or schema: \
                 name another one with --journal. Sessions that earlier runs copied but did not update are recognized"
            ))),
            _ => {
                bail!(WrongUse::new(format!("{shown} isn't a migration journal: name another file with --journal")))
            }
        }
        let journal = Self::exclusive(path, head.is_empty()).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => anyhow!("another migration is using the journal {shown}"),
            _ => anyhow::Error::from(error).context(format!("opening the journal {shown}")),
        })?;
        journal.check(path, from, to)?;
        Ok(journal)
    }

    fn exclusive(path: &Path, is_new: bool) -> rusqlite::Result<Self> {
        // No URIs: a path is always a path, even if it begins with `file:`.
        let path = if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) };
        let file =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        file.busy_timeout(std::time::Duration::ZERO)?;
        file.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        if is_new {
            // Before SQLite adds a log: the first bytes of the file must identify it.
            file.pragma_update(None, "application_id", APPLICATION)?;
        }
        // Data that the operating system has accepted survives the end of this process, and no page
        // has to wait for the disk.
        file.pragma_update(None, "journal_mode", "WAL")?;
        file.pragma_update(None, "synchronous", "NORMAL")?;
        // From the first write on, no other process can read or write the file.
        file.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        Ok(Self { file })
    }

    /// Checks that the journal belongs to these stores. A new journal is assigned to them.
    fn check(&self, path: &Path, from: &StoreIdentity, to: &StoreIdentity) -> anyhow::Result<()> {
        let shown = path.display();
        let tables: i64 = self.file.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        if tables == 0 {
            let step = self.file.unchecked_transaction()?;
            step.execute_batch(SCHEMA)?;
            step.pragma_update(None, "user_version", VERSION)?;
            step.execute("INSERT INTO stores VALUES (?1, ?2, 0)", [from.as_str(), to.as_str()])?;
            step.commit()?;
        } else if self.file.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))? != VERSION {
            bail!(WrongUse::new(format!(
                "the journal {shown} is from another release: name another one with --journal"
            )));
        }
        let pair = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let (source, target) = self.file.query_row("SELECT source, target FROM stores", [], pair)?;
        if (source.as_str(), target.as_str()) != (from.as_str(), to.as_str()) {
            bail!(WrongUse::new(format!(
                "the journal {shown} is about other stores: {source} to {target}, and not {from} to {to}; name another one \
                 with --journal"
            )));
        }
        // The outcome of open writes is unknown: they stay intents.
        self.file.execute_batch("UPDATE sessions SET is_open = 0 WHERE is_open = 1; DELETE FROM ending")?;
        Ok(())
    }

    pub(super) fn known(&self, key: &StoreKey) -> rusqlite::Result<Known> {
        let known = |row: &Row<'_>| Ok(Known { settled: mark(row, 0)?, intent: mark(row, 4)? });
        let mut question = self.file.prepare_cached(KNOWN)?;
        Ok(question.query_row([key.as_bytes()], known).optional()?.unwrap_or_default())
    }

    /// Starts a pass over the source.
    pub(super) fn start_pass(&self) -> rusqlite::Result<Pass> {
        self.file.query_row("UPDATE stores SET walks = walks + 1 RETURNING walks", [], |row| row.get(0).map(Pass))
    }

    /// Records that a pass has found these keys. Returns the ones that are new in this pass.
    pub(super) fn meet(&self, pass: Pass, keys: impl Iterator<Item = StoreKey>) -> rusqlite::Result<Vec<StoreKey>> {
        self.step(|file| {
            let mut meet = file.prepare_cached(MEET)?;
            let mut new = Vec::new();
            for key in keys {
                if meet.execute(params![key.as_bytes(), pass.0])? > 0 {
                    new.push(key);
                }
            }
            Ok(new)
        })
    }

    /// Records that a pass has found these sessions. Returns the ones that are new in this pass: a
    /// store whose table is resized during iteration may return a session twice.
    pub(super) fn meet_sessions(
        &self,
        pass: Pass,
        sessions: Vec<ScannedSession>,
    ) -> rusqlite::Result<Vec<ScannedSession>> {
        let mut new: HashSet<StoreKey> = self.meet(pass, sessions.iter().map(|it| it.key))?.into_iter().collect();
        Ok(sessions.into_iter().filter(|scanned| new.remove(&scanned.key)).collect())
    }

    /// Records the writes that are about to be made.
    pub(super) fn intend(&self, marks: &[(StoreKey, Mark)]) -> rusqlite::Result<()> {
        self.step(|file| {
            let mut intend = file.prepare_cached(INTEND)?;
            for (key, Mark { version, print, touched, deadline }) in marks {
                let deadline = deadline.map(|deadline| number(deadline.unix_millis()));
                intend.execute(params![
                    key.as_bytes(),
                    number(*version),
                    number(*print),
                    number(touched.unix_millis()),
                    deadline
                ])?;
            }
            Ok(())
        })
    }

    /// Records that they were made, except for these keys.
    pub(super) fn settle(&self, left: &[StoreKey]) -> rusqlite::Result<()> {
        self.step(|file| {
            for key in left {
                file.prepare_cached(LEAVE)?.execute([key.as_bytes()])?;
            }
            file.prepare_cached(SETTLE)?.execute([])?;
            Ok(())
        })
    }

    /// Returns the number of copied sessions, and the number of these that a pass has found.
    pub(super) fn copied(&self, pass: Pass) -> rusqlite::Result<Copied> {
        let question = "SELECT count(*), count(*) FILTER (WHERE walk = ?1) FROM sessions WHERE version IS NOT NULL";
        let count = |row: &Row<'_>, column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        self.file.query_row(question, [pass.0], |row| Ok(Copied { all: count(row, 0)?, met: count(row, 1)? }))
    }

    /// Returns keys of copied sessions that a pass hasn't found, in order, starting after this one.
    pub(super) fn missing(
        &self,
        pass: Pass,
        after: Option<&StoreKey>,
        limit: usize,
    ) -> rusqlite::Result<Vec<StoreKey>> {
        self.keys(MISSING, after, &[&pass.0, &number(limit as u64)])
    }

    /// Records keys of sessions to end, or to look at before.
    pub(super) fn mark_ending(&self, keys: &[StoreKey]) -> rusqlite::Result<()> {
        self.step(|file| {
            for key in keys {
                file.prepare_cached("INSERT OR IGNORE INTO ending VALUES (?1)")?.execute([key.as_bytes()])?;
            }
            Ok(())
        })
    }

    pub(super) fn count_ending(&self) -> rusqlite::Result<u64> {
        self.file.query_row("SELECT count(*) FROM ending", [], |row| row.get::<_, i64>(0).map(i64::unsigned_abs))
    }

    /// Returns keys of sessions to end, in order, starting after this one.
    pub(super) fn ending(&self, after: Option<&StoreKey>, limit: usize) -> rusqlite::Result<Vec<StoreKey>> {
        self.keys(ENDING, after, &[&number(limit as u64)])
    }

    /// Records that copied sessions have ended.
    pub(super) fn forget(&self, keys: &[StoreKey]) -> rusqlite::Result<()> {
        self.step(|file| {
            for key in keys {
                file.prepare_cached("DELETE FROM sessions WHERE key = ?1")?.execute([key.as_bytes()])?;
            }
            Ok(())
        })
    }

    fn keys(&self, question: &str, after: Option<&StoreKey>, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<StoreKey>> {
        let after: &[u8] = after.map_or(&[], |key| key.as_bytes());
        let values: Vec<&dyn ToSql> = std::iter::once(&after as &dyn ToSql).chain(values.iter().copied()).collect();
        let mut question = self.file.prepare_cached(question)?;
        let keys = question.query_map(values.as_slice(), |row| row.get(0).map(StoreKey::from_bytes))?;
        keys.collect()
    }

    /// Runs a step in one transaction.
    fn step<T>(&self, act: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let step = self.file.unchecked_transaction()?;
        let done = act(&step)?;
        step.commit()?;
        Ok(done)
    }
}

/// Returns the first bytes of a file; none if it doesn't exist or is empty.
fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => {
            file.take(APPLICATION_AT.end as u64).read_to_end(&mut head)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(head)
}

/// Creates an empty file that only its owner can read.
fn created(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create(true).truncate(false).open(path).map(drop)
}

fn mark(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Mark>> {
    let number = |column: usize| row.get::<_, Option<i64>>(first + column).map(|it| it.map(i64::cast_unsigned));
    let (Some(version), Some(print), Some(touched)) = (number(0)?, number(1)?, number(2)?) else { return Ok(None) };
    let deadline = number(3)?.map(Timestamp::from_unix_millis);
    Ok(Some(Mark { version, print, touched: Timestamp::from_unix_millis(touched), deadline }))
}

/// Reinterprets 64 bits as signed, which is the only type SQLite has.
const fn number(value: u64) -> i64 {
    value.cast_signed()
}

#[cfg(test)]
mod tests {
    use cloakroom::Timestamp;
    use cloakroom::store::{Entry, StoreIdentity, StoreKey};

    use super::{Copied, Journal, Known, Mark};

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn key(number: u8) -> StoreKey {
        StoreKey::from_bytes([number; 32])
    }

    fn mark(version: u64, text: &str, deadline: Option<Timestamp>) -> Mark {
        Mark::of(version, &Entry::new(text.into(), NOW, NOW, deadline))
    }

    fn stores(one: &str, other: &str) -> [StoreIdentity; 2] {
        [one, other].map(|url| StoreIdentity::of(url).unwrap())
    }

    fn open(path: &std::path::Path) -> anyhow::Result<Journal> {
        let [from, to] = stores("redis://h?prefix=shop:", "postgres://h/d");
        Journal::open(path, &from, &to)
    }

    #[test]
    fn the_next_run_reads_all_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        // Versions and fingerprints use all 64 bits.
        let (a, b, c) = (mark(1, "a", Some(NOW)), mark(u64::MAX, "b", None), mark(2, "a", None));
        let journal = open(&path).unwrap();
        journal.intend(&[(key(1), a), (key(2), b), (key(3), b)]).unwrap();
        journal.settle(&[key(3)]).unwrap();
        // Killed in the middle of this page.
        journal.intend(&[(key(1), c), (key(4), b)]).unwrap();
        drop(journal);
        let expected = [
            (1, Known { settled: Some(a), intent: Some(c) }),
            (2, Known { settled: Some(b), intent: None }),
            (3, Known::default()),
            (4, Known { settled: None, intent: Some(b) }),
        ];
        // A page of the next run leaves the open writes of the killed run unchanged.
        for round in 0..2 {
            let journal = open(&path).unwrap();
            for (number, known) in expected {
                assert_eq!(journal.known(&key(number)).unwrap(), known, "{number}, round {round}");
            }
            journal.intend(&[(key(5), b)]).unwrap();
            journal.settle(&[]).unwrap();
            assert_eq!(journal.known(&key(5)).unwrap(), Known { settled: Some(b), intent: None });
        }
        let journal = open(&path).unwrap();
        journal.forget(&[key(2)]).unwrap();
        let pass = journal.start_pass().unwrap();
        assert_eq!(journal.copied(pass).unwrap(), Copied { all: 2, met: 0 });
    }

    #[test]
    fn a_pass_finds_each_session_once() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(&folder.path().join("journal")).unwrap();
        let known: Vec<(StoreKey, Mark)> = (1..=4).map(|number| (key(number), mark(1, "a", None))).collect();
        journal.intend(&known).unwrap();
        journal.settle(&[]).unwrap();
        let meet = |pass, numbers: &[u8]| journal.meet(pass, numbers.iter().map(|number| key(*number))).unwrap();
        for _ in 0..2 {
            let pass = journal.start_pass().unwrap();
            assert_eq!(meet(pass, &[1, 3, 9]), [key(1), key(3), key(9)]);
            assert_eq!(meet(pass, &[3, 1, 5]), [key(5)]);
            assert_eq!(journal.copied(pass).unwrap(), Copied { all: 4, met: 2 });
            assert_eq!(journal.missing(pass, None, 1).unwrap(), [key(2)]);
            assert_eq!(journal.missing(pass, Some(&key(2)), 10).unwrap(), [key(4)]);
        }
        journal.mark_ending(&[key(4), key(2), key(4)]).unwrap();
        assert_eq!(journal.count_ending().unwrap(), 2);
        assert_eq!(journal.ending(Some(&key(2)), 10).unwrap(), [key(4)]);
    }

    #[test]
    fn a_journal_belongs_to_two_stores_and_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = open(&path).unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("another migration"));
        drop(journal);
        let [from, to] = stores("redis://h?prefix=blog:", "postgres://h/d");
        for (from, to) in [(&from, &to), (&to, &from)] {
            let error = Journal::open(&path, from, to).unwrap_err().to_string();
            assert!(error.contains("other stores") && error.contains("prefix=shop:"), "{error}");
        }
        open(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        for (text, says) in [
            ("something else\n", "isn't a migration journal"),
            ("cloakroom-migrate 1 redis://h sqlite:t.db\nbegin ;\n", "from an earlier release"),
            ("cloakroom-migrate 9", "isn't a migration journal"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = open(&path).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::remove_file(&path).unwrap();
        let theirs = rusqlite::Connection::open(&path).unwrap();
        theirs.execute_batch("CREATE TABLE sessions (name TEXT)").unwrap();
        drop(theirs);
        let before = std::fs::read(&path).unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains("isn't a migration journal"), "{error}");
        assert!(before == std::fs::read(&path).unwrap(), "another program's database was written to");
    }
}
