//! Sessions in an SQLite file.

mod checkup;
mod lane;
mod link;
mod open;
mod shared;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::LazyLock;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{
    Checkup, Created, Cursor, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use rusqlite::Connection;

use crate::link::{Failure, TRIES, values};
use crate::row::{begin, found, met, owned, page};
use crate::statements::{self, sqlite as own};
use lane::Lane;
use link::Link;
pub use open::{SqliteConfig, Synchronous};
pub use shared::SqliteThreads;

/// The table and its indexes.
const SCHEMA: &str = include_str!("sqlite/schema.sql");

/// Sessions in an SQLite file, which several processes may share.
///
/// Right for everything that runs on one machine. One connection writes and a few read, each on a thread of its own; writers of other
/// processes are waited for. Clones share the connections, and dropping the last one waits until they are closed.
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
    link: Link,
}

/// The statements as SQLite spells them.
struct Words {
    load: String,
    live: String,
    create: String,
    replace: String,
    touch: String,
    forget: String,
    cycle: String,
    end: String,
    sweep: String,
    owned: String,
    end_before: String,
    scan: String,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let spelled = |text: &str| text.replace('$', "?");
    Words {
        load: spelled(statements::LOAD),
        live: spelled(statements::LIVE),
        create: spelled(statements::CREATE),
        replace: spelled(own::REPLACE),
        touch: spelled(statements::TOUCH),
        forget: spelled(statements::FORGET),
        cycle: spelled(own::CYCLE),
        end: spelled(own::END),
        sweep: spelled(own::SWEEP),
        owned: spelled(statements::OWNED),
        end_before: spelled(statements::END_BEFORE),
        scan: spelled(statements::SCAN),
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
        Self { link: Link::Lanes { writer: lane.clone(), readers: lane } }
    }

    /// A store on a pool of sqlx that the application has, as it is configured (feature `sqlx-sqlite`).
    ///
    /// The table isn't created: see [`SqliteStore::migrate`]. WAL mode, and a busy timeout where several connections write, are the
    /// application's to choose. With this feature, rusqlite is 0.39, which shares its SQLite with sqlx 0.9.
    #[cfg(feature = "sqlx-sqlite")]
    #[must_use]
    pub const fn from_sqlx(pool: sqlx::SqlitePool) -> Self {
        Self { link: Link::Sqlx(pool) }
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
        Ok(self.link.migrate(SCHEMA).await?)
    }

    /// Why nothing was replaced: something else is there, or nothing.
    async fn not_replaced(&self, key: &StoreKey, now: Timestamp) -> Result<Replaced, StoreError> {
        let live = self.link.rows(&WORDS.live, [key.into(), now.into()], |_| Ok(())).await?;
        Ok(if live.is_empty() { Replaced::Gone } else { Replaced::Conflict })
    }
}

/// What SQLite says by an extended result code.
pub(crate) fn meaning(code: i32, message: &str) -> Failure {
    match code {
        // SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE.
        1555 | 2067 => Failure::Taken,
        _ if message.starts_with("no such table") => Failure::no_table(),
        _ => Failure::because(message),
    }
}

impl Store for SqliteStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut rows = self.link.rows(&WORDS.load, [key.into()], found(*key, now)).await?;
        Ok(rows.pop().unwrap_or(Loaded::Absent))
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let version = entry.next_version(None);
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, version.number().into()];
        let written = self.link.changed(&WORDS.create, values).await?;
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
        match self.link.changed(&WORDS.replace, values).await? {
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
        let values = [key.into(), now.into(), touched.into(), deadline.into()];
        Ok(self.link.changed(&WORDS.touch, values).await? == 1)
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
            match self.link.changed(&WORDS.cycle, values.clone()).await {
                Err(Failure::Taken) => {}
                Ok(0) => return self.not_replaced(old, now).await,
                Ok(_) => return Ok(Replaced::Yes(version)),
                Err(other) => return Err(other.into()),
            }
            // What is over makes room.
            if self.link.changed(&WORDS.forget, [new.into(), now.into()]).await? == 0 {
                break;
            }
        }
        Err(StoreError::taken(*new))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.link.changed(&WORDS.end, [key.into(), now.into()]).await? > 0)
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let swept = self.link.changed(&WORDS.sweep, [now.into(), limit.into()]).await?;
        Ok(usize::try_from(swept).unwrap_or(usize::MAX))
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        OwnedPage::cut(self.link.rows(&WORDS.owned, [owner.into(), now.into()], owned).await?, after, limit)
    }

    async fn end_before(
        &self,
        point: Timestamp,
        _after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let ended = self.link.changed(&WORDS.end_before, [point.into(), now.into()]).await?;
        Ok(EndedPage::new(usize::try_from(ended).unwrap_or(usize::MAX), None))
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let rows = self.link.rows(&WORDS.scan, [begin(after)?, now.into(), limit.into()], met).await?;
        Ok(page(rows, limit))
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.look().await
    }
}
