//! Sessions in an SQLite file.

mod lane;
mod open;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::LazyLock;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Entry, Loaded, Owned, Replaced, Store, StoreError};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row as SqlRow, TransactionBehavior, params};

use crate::row::{Row, millis, number, padded, points};
use crate::statements::{self, sqlite as own};
use lane::Lane;
pub use open::{SqliteConfig, Synchronous};

/// The table and its indexes.
const SCHEMA: &str = include_str!("sqlite/schema.sql");

/// Sessions in an SQLite file, which several processes may share.
///
/// Right for everything that runs on one machine. One connection writes and a few read, each on a thread of its own; writers of other
/// processes are waited for. Clones share the connections.
///
/// What was acknowledged survives a crash of the process. [`Synchronous::Full`] makes it survive a loss of power too.
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
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Lane,
    readers: Lane,
}

/// The statements as SQLite spells them.
struct Words {
    load: String,
    live: String,
    create: String,
    replace: String,
    touch: String,
    mark: String,
    insert: String,
    end: String,
    sweep: String,
    owned: String,
    end_before: String,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let spelled = |text: &str| text.replace('$', "?");
    Words {
        load: spelled(statements::LOAD),
        live: spelled(statements::LIVE),
        create: spelled(statements::CREATE),
        replace: spelled(own::REPLACE),
        touch: spelled(statements::TOUCH),
        mark: spelled(own::MARK),
        insert: spelled(own::INSERT),
        end: spelled(own::END),
        sweep: spelled(own::SWEEP),
        owned: spelled(statements::OWNED),
        end_before: spelled(statements::END_BEFORE),
    }
});

impl SqliteStore {
    /// Opens a file, creating it and its table where they aren't there yet.
    ///
    /// It waits for the disk: call it at start-up. [`SqliteConfig`] has the options.
    ///
    /// # Errors
    /// A folder that isn't there, a file that can't be written, or one that isn't a database; the error names the file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        SqliteConfig::new(path).open()
    }

    /// A store on a connection that the application has, as it is configured; reads and writes share it.
    ///
    /// The table isn't created: see [`SqliteStore::migrate`].
    #[must_use]
    pub fn from_connection(connection: Connection) -> Self {
        let lane = Lane::new(vec![connection]);
        Self { writer: lane.clone(), readers: lane }
    }

    /// The statements that create the table, for those who migrate by other means.
    #[must_use]
    pub const fn schema() -> &'static str {
        SCHEMA
    }

    /// Creates the table and its indexes where they aren't there yet; several processes may do it at the same time.
    ///
    /// # Errors
    /// When the file can't be written.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.writer.run(apply_schema).await
    }
}

fn apply_schema(connection: &mut Connection) -> Result<(), StoreError> {
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::unavailable)?;
    step.execute_batch(SCHEMA).and_then(|()| step.commit()).map_err(StoreError::unavailable)
}

fn changed(connection: &Connection, text: &str, parameters: impl Params) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(text).map_err(StoreError::unavailable)?;
    statement.execute(parameters).map_err(StoreError::unavailable)
}

/// Why nothing was replaced: something else is there, or nothing.
fn not_replaced(connection: &Connection, key: &StoreKey, now: i64) -> Result<Replaced, StoreError> {
    let mut statement = connection.prepare_cached(&WORDS.live).map_err(StoreError::unavailable)?;
    let there = statement.exists(params![key.as_bytes(), now]).map_err(StoreError::unavailable)?;
    Ok(if there { Replaced::Conflict } else { Replaced::Gone })
}

/// A row as it is, of whatever types somebody put there.
fn row_of<'a>(row: &'a SqlRow<'_>) -> Option<Row<'a>> {
    let value = |index| row.get_ref(index).ok();
    let number = |index| value(index)?.as_i64().ok();
    Some(Row {
        version: number(0)?,
        record: value(1)?.as_bytes().ok()?,
        created: number(2)?,
        touched: number(3)?,
        deadline: value(4)?.as_i64_or_null().ok()?,
        owner: value(5)?.as_bytes_or_null().ok()?,
        moved: value(6)? != ValueRef::Null,
    })
}

impl Store for SqliteStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let key = *key;
        let step = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(&WORDS.load).map_err(StoreError::unavailable)?;
            let mut rows = statement.query(params![key.as_bytes()]).map_err(StoreError::unavailable)?;
            match rows.next().map_err(StoreError::unavailable)? {
                None => Ok(Loaded::Absent),
                Some(row) => row_of(row).ok_or_else(|| StoreError::corrupt(key))?.loaded(&key, now),
            }
        };
        self.readers.run(step).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let (key, entry, now) = (*key, entry.clone(), millis(now));
        let step = move |connection: &mut Connection| {
            let (created, touched, deadline) = points(&entry);
            let parameters = params![key.as_bytes(), now, &*entry.text, created, touched, deadline, entry.owner];
            let written = changed(connection, &WORDS.create, parameters)?;
            Ok(if written == 1 { Created::Yes(Version::new(1)) } else { Created::Taken })
        };
        self.writer.run(step).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (key, entry, now) = (*key, entry.clone(), millis(now));
        let step = move |connection: &mut Connection| {
            let (created, touched, deadline) = points(&entry);
            let seen_there = number(seen.number());
            let parameters =
                params![key.as_bytes(), now, &*entry.text, created, touched, deadline, entry.owner, seen_there];
            match changed(connection, &WORDS.replace, parameters)? {
                0 => not_replaced(connection, &key, now),
                _ => Ok(Replaced::Yes(Version::new(seen.number() + 1))),
            }
        };
        self.writer.run(step).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = *key;
        let step = move |connection: &mut Connection| {
            let parameters = params![key.as_bytes(), millis(now), millis(touched), deadline.map(millis)];
            Ok(changed(connection, &WORDS.touch, parameters)? == 1)
        };
        self.writer.run(step).await
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
        let (old, new, entry, now) = (*old, *new, entry.clone(), millis(now));
        let step = move |connection: &mut Connection| {
            let both = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(StoreError::unavailable)?;
            let mark = params![old.as_bytes(), now, number(seen.number()), new.as_bytes(), millis(moved_until)];
            if changed(&both, &WORDS.mark, mark)? == 0 {
                return not_replaced(&both, &old, now);
            }
            let (created, touched, deadline) = points(&entry);
            changed(
                &both,
                &WORDS.insert,
                params![new.as_bytes(), &*entry.text, created, touched, deadline, entry.owner],
            )?;
            both.commit().map_err(StoreError::unavailable)?;
            Ok(Replaced::Yes(Version::new(1)))
        };
        self.writer.run(step).await
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let key = *key;
        let step = move |connection: &mut Connection| {
            Ok(changed(connection, &WORDS.end, params![key.as_bytes(), millis(now)])? > 0)
        };
        self.writer.run(step).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.writer.run(move |connection| changed(connection, &WORDS.sweep, params![millis(now), limit])).await
    }

    async fn owned(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        let owner = owner.to_owned();
        let step = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(&WORDS.owned).map_err(StoreError::unavailable)?;
            let mut rows = statement.query(params![owner, millis(now)]).map_err(StoreError::unavailable)?;
            let mut owned = Vec::new();
            while let Some(row) = rows.next().map_err(StoreError::unavailable)? {
                let key = row.get_ref(7).ok().and_then(|key| key.as_bytes().ok()).unwrap_or_default();
                let corrupt = || StoreError::corrupt(padded(key).0);
                owned.push(row_of(row).ok_or_else(corrupt)?.owned(key)?);
            }
            Ok(owned)
        };
        self.readers.run(step).await
    }

    async fn end_before(&self, point: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
        let step = move |connection: &mut Connection| {
            changed(connection, &WORDS.end_before, params![millis(point), millis(now)])
        };
        self.writer.run(step).await
    }
}
