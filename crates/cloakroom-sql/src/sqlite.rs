//! Sessions in an SQLite file.

mod checkup;
mod lane;
mod link;
mod open;
mod shared;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use rusqlite::Connection;

use crate::TableName;
use crate::link::{Cells, Failure, TRIES, touch, values};
use crate::name::composed;
use crate::row::{begin, found, met, owned, page};
use crate::statements::{self, sqlite as own};
use crate::sweep::sweep;
use crate::walks;
use lane::Lane;
use link::Link;
pub use open::{SqliteConfig, Synchronous};
pub use shared::SqliteThreads;

/// The quote character for identifiers.
const QUOTE: char = '"';

/// The table and its indexes.
const SCHEMA: &str = include_str!("sqlite/schema.sql");

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
    words: Arc<Statements>,
    link: Link,
}

composed! {
    Arc<str>, |table: &TableName, template: &str| table.compose(&template.replace('$', "?"), QUOTE);
    schema = SCHEMA,
    state = link::STATE,
    add_column = link::ADD_COLUMN,
    checkup = checkup::QUESTION,
    load = statements::LOAD,
    live = statements::LIVE,
    create = statements::CREATE,
    replace = own::REPLACE,
    touch = statements::TOUCH,
    forget = statements::FORGET,
    cycle = own::CYCLE,
    end = own::END,
    live_on = own::LIVE_ON,
    sweep = own::SWEEP,
    owned = own::OWNED,
    count_owned = own::COUNT_OWNED,
    end_owned = own::END_OWNED,
    before = statements::BEFORE,
    end_before = own::END_BEFORE,
    scan = statements::SCAN,
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
        let lane = Lane::new(vec![connection]);
        Self::of(Link::Lanes { writer: lane.clone(), readers: lane, is_ours: false })
    }

    /// Creates a store on the application's own sqlx pool (feature `sqlx-sqlite`).
    ///
    /// The pool keeps its settings: the application chooses WAL mode and, if several connections
    /// write, a busy timeout. The table isn't created: see [`SqliteStore::migrate`]. With this
    /// feature, rusqlite is 0.39, which shares its SQLite with sqlx 0.9.
    #[cfg(feature = "sqlx-sqlite")]
    #[must_use]
    pub fn from_sqlx(pool: sqlx::SqlitePool) -> Self {
        Self::of(Link::Sqlx(crate::pools::Metered::new(pool, "sqlite")))
    }

    fn of(link: Link) -> Self {
        Self { words: Arc::new(Statements::of(TableName::default())), link }
    }

    /// Sets the table that holds the sessions.
    ///
    /// The table isn't created: see [`SqliteStore::migrate`]. To choose the table before a file is
    /// opened, use [`SqliteConfig::table`].
    #[must_use]
    pub fn table(self, name: TableName) -> Self {
        Self { words: Arc::new(Statements::of(name)), ..self }
    }

    /// Returns the name of the table that holds the sessions.
    #[must_use]
    pub fn table_name(&self) -> &TableName {
        &self.words.table
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
        Ok(self.link.migrate(&self.words).await?)
    }

    async fn is_live(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.link.rows(&self.words.live, [key.into(), now.into()], |_| Ok(())).await?.is_empty())
    }

    /// Determines why nothing was replaced: the key holds something else, or nothing.
    async fn not_replaced(&self, key: &StoreKey, now: Timestamp) -> Result<Replaced, StoreError> {
        Ok(if self.is_live(key, now).await? { Replaced::Conflict } else { Replaced::Gone })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("table", &self.words.table).field("link", &self.link).finish()
    }
}

/// Classifies an extended result code of SQLite.
pub(crate) fn meaning(code: i32, message: &str) -> Failure {
    match code {
        // SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE.
        1555 | 2067 => Failure::Taken,
        _ if message.starts_with("no such table") => Failure::Missing(message.to_owned()),
        _ if message.contains("no such column") || message.contains("has no column") => {
            Failure::Missing(message.to_owned())
        }
        _ => Failure::because(message),
    }
}

impl Store for SqliteStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut rows = self.link.rows(&self.words.load, [key.into()], found(*key, now)).await?;
        Ok(rows.pop().unwrap_or(Loaded::Absent))
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let version = entry.next_version(None);
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, version.number().into()];
        let written = self.link.changed(&self.words.create, values).await?;
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
        match self.link.changed(&self.words.replace, values).await? {
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
        Ok(self.link.changed(&self.words.touch, values).await? == 1 || self.is_live(key, now).await?)
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
            match self.link.changed(&self.words.cycle, values.clone()).await {
                Err(Failure::Taken) => {}
                Ok(0) => return self.not_replaced(old, now).await,
                Ok(_) => return Ok(Replaced::Yes(version)),
                Err(other) => return Err(other.into()),
            }
            // An expired entry makes room.
            if self.link.changed(&self.words.forget, [new.into(), now.into()]).await? == 0 {
                break;
            }
        }
        Err(StoreError::taken(*new))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.link.changed(&self.words.end, [key.into(), now.into()]).await? > 0)
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let round = |most: usize| async move {
            let live_on = self.link.changed(&self.words.live_on, [now.into(), limit.into()]).await?;
            let gone = self.link.changed(&self.words.sweep, [now.into(), most.into()]).await?;
            Ok((usize::try_from(gone).unwrap_or_default(), usize::try_from(live_on + gone).unwrap_or_default()))
        };
        let swept = sweep(limit, round).await?;
        if swept < limit {
            self.link.tidy().await?;
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
        Ok(walks::page(self.link.rows(&self.words.owned, values, owned).await?, limit))
    }

    async fn count_owned(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        let read = |cells: &dyn Cells| Ok(cells.number(0).flatten().and_then(|count| usize::try_from(count).ok()));
        let mut rows = self.link.rows(&self.words.count_owned, [owner.into(), now.into()], read).await?;
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
        let done = self.link.changed(&self.words.end_owned, values).await?;
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
        let found = self.link.rows(&self.words.before, values.clone(), walks::found).await?.pop().unwrap_or_default();
        if found.found == 0 {
            return Ok(EndedPage::default());
        }
        let ended = self.link.changed(&self.words.end_before, values).await?;
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
        let rows = self.link.rows(&self.words.scan, [begin(after)?, now.into(), limit.into()], met).await?;
        Ok(page(rows, limit))
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.look().await
    }
}
