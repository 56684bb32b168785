//! Sessions in a MySQL or MariaDB database.

mod checkup;
mod lease;
mod link;
mod words;

use std::fmt;
use std::sync::LazyLock;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{
    Checkup, Created, Cursor, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use mysql_async::{DriverError, Error, Pool};

use crate::link::{Cells, Failure, TRIES, values};
use crate::row::{begin, found, met, owned, padded, page};
use crate::statements::{self, mysql as own};
use link::Link;
use words::Words;

/// The table and its indexes.
const SCHEMA: &str = include_str!("mysql/schema.sql");

/// Sessions in a MySQL or MariaDB database.
///
/// Each operation is one round trip, and ending everybody's sessions two; a statement costs one more the first time that a connection sees it. Where nothing was replaced,
/// touched or ended, a second one asks why. Connections that the server closed are replaced when they are next needed. A statement that
/// the server undid for the sake of another one (a deadlock) is tried again, ten times at most. Clones share the pool.
///
/// A record can't be larger than the server's `max_allowed_packet`; the error says so.
///
/// # Connections
/// A connection whose caller has left is closed, and its thread is killed: the server wouldn't notice while it waits for a lock.
/// Connections that have gone silent are found out by the first missed deadline. Where the server gives fewer than the pool wants,
/// callers wait for one of those. Connections of ours wait a second for a lock (`innodb_lock_wait_timeout`), and are kept for five
/// minutes after their last use.
///
/// # Security
/// With the feature `tls`, `ssl-mode=REQUIRED`, `VERIFY_CA` and `VERIFY_IDENTITY` in the URL all mean the same, as does the driver's
/// own `require_ssl=true`: encrypted, by a server whose certificate is good and bears the host's name. `ssl-ca` names a PEM file of the
/// certificates to trust instead of the system's. Any other mode, and none, isn't encrypted: others on the network can read along.
#[derive(Clone)]
pub struct MysqlStore {
    link: Link,
}

static LOAD: LazyLock<Words> = LazyLock::new(|| Words::of(statements::LOAD));
static LIVE: LazyLock<Words> = LazyLock::new(|| Words::of(statements::LIVE));
static TOUCH: LazyLock<Words> = LazyLock::new(|| Words::of(statements::TOUCH));
static OWNED: LazyLock<Words> = LazyLock::new(|| Words::of(statements::OWNED));
static END_BEFORE: LazyLock<Words> = LazyLock::new(|| Words::of(statements::END_BEFORE));
static SCAN: LazyLock<Words> = LazyLock::new(|| Words::of(statements::SCAN));
static CREATE: LazyLock<Words> = LazyLock::new(|| Words::of(own::CREATE));
static REPLACE: LazyLock<Words> = LazyLock::new(|| Words::of(own::REPLACE));
static CYCLE: LazyLock<Words> = LazyLock::new(|| Words::of(own::CYCLE));
static FORGET: LazyLock<Words> = LazyLock::new(|| Words::of(statements::FORGET));
static END: LazyLock<Words> = LazyLock::new(|| Words::of(own::END));
static OLDER: LazyLock<Words> = LazyLock::new(|| Words::of(own::OLDER));
static MOVED: LazyLock<Words> = LazyLock::new(|| Words::of(own::MOVED));
static SWEEP: LazyLock<Words> = LazyLock::new(|| Words::of(own::SWEEP));

impl MysqlStore {
    /// A store behind a URL, `mysql://user:password@host/database`, with at most 16 connections.
    ///
    /// Nothing is connected yet: each connection is made when it is first needed.
    ///
    /// # Errors
    /// A URL that doesn't make sense, or that asks for encryption which isn't built in; the error doesn't repeat it.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_sql::MysqlStore;
    /// use cloakroom_store::StoredSessions;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = MysqlStore::connect("mysql://shop@localhost/shop")?;
    /// // Once, at start-up: `store.migrate().await?`, or the statement of `MysqlStore::schema()` among the application's own.
    /// let sessions = StoredSessions::new(store).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        Link::connect(url).map(|link| Self { link })
    }

    /// A store on a pool that the application has, whose connections commit by themselves (`autocommit`), as they do by default.
    ///
    /// With `reset_connection`, which is the driver's default, each operation costs two more round trips: set it to `false`.
    #[must_use]
    pub fn from_pool(pool: Pool) -> Self {
        Self { link: Link::from_pool(pool) }
    }

    /// A store on a pool of sqlx that the application has (feature `sqlx-mysql`).
    ///
    /// `test_before_acquire`, which is sqlx's default, costs a round trip per operation.
    #[cfg(feature = "sqlx-mysql")]
    #[must_use]
    pub const fn from_sqlx(pool: sqlx::MySqlPool) -> Self {
        Self { link: Link::Sqlx(pool) }
    }

    /// The statement that creates the table, for those who migrate by other means.
    ///
    /// Only [`migrate`](Self::migrate) creates it; without either, each operation is an error that says so.
    #[must_use]
    pub const fn schema() -> &'static str {
        SCHEMA
    }

    /// Creates the table and its indexes where they aren't there yet; several processes may do it at the same time.
    ///
    /// # Errors
    /// When the database can't be reached, or the user may not create tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.link.migrate(SCHEMA).await?)
    }

    async fn is_live(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.link.rows(&LIVE, &[key.into(), now.into()], |_| Ok(())).await?.is_empty())
    }

    /// Why nothing was replaced: something else is there, or nothing.
    async fn not_replaced(&self, key: &StoreKey, now: Timestamp) -> Result<Replaced, StoreError> {
        Ok(if self.is_live(key, now).await? { Replaced::Conflict } else { Replaced::Gone })
    }

    /// Makes room under a key where what is there is over; says whether there was.
    async fn forget(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.link.changed(&FORGET, &[key.into(), now.into()]).await? > 0)
    }
}

impl fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own would print how to connect.
        f.debug_struct("MysqlStore").finish_non_exhaustive()
    }
}

fn told(why: Error) -> Failure {
    match why {
        Error::Server(told) => meaning(told.code, &told.message),
        Error::Driver(DriverError::PacketTooLarge) => too_large(),
        // The driver's codec finds it out, before anything is sent.
        Error::Io(why) if why.to_string().contains("larger than max_allowed_packet") => too_large(),
        why @ (Error::Driver(_) | Error::Io(_) | Error::Other(_) | Error::Url(_)) => Failure::because(why),
    }
}

/// What the server says by a number.
pub(crate) fn meaning(number: u16, message: &str) -> Failure {
    let told = StoreError::unavailable(format!("{message} ({number})"));
    match number {
        // Two steps waited for each other, or a row changed between being read and being locked.
        1213 | 1020 => Failure::Undone(told),
        1062 => Failure::Taken,
        1146 => Failure::no_table(),
        1153 => too_large(),
        _ => Failure::Refused(told),
    }
}

fn too_large() -> Failure {
    Failure::because("the record is larger than the server's `max_allowed_packet`")
}

/// Beyond so many moves, or sessions without a mark that come in between, an end gives up.
const MOST_MOVES: usize = 100;

impl Store for MysqlStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut rows = self.link.rows(&LOAD, &[key.into()], found(*key, now)).await?;
        Ok(rows.pop().unwrap_or(Loaded::Absent))
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let version = entry.next_version(None);
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, version.number().into()];
        for _ in 0..TRIES {
            match self.link.changed(&CREATE, &values).await {
                Err(Failure::Taken) if self.forget(key, now).await? => {}
                Err(Failure::Taken) => return Ok(Created::Taken),
                Ok(_) => return Ok(Created::Yes(version)),
                Err(other) => return Err(other.into()),
            }
        }
        Ok(Created::Taken)
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
        match self.link.changed(&REPLACE, &values).await? {
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
        // A touch that has nothing to extend changes nothing, either.
        Ok(self.link.changed(&TOUCH, &values).await? > 0 || self.is_live(key, now).await?)
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
            match self.link.changed(&CYCLE, &values).await {
                Err(Failure::Taken) if self.forget(new, now).await? => {}
                Err(Failure::Taken) => break,
                Ok(0) => return self.not_replaced(old, now).await,
                Ok(_) => return Ok(Replaced::Yes(version)),
                Err(other) => return Err(other.into()),
            }
        }
        Err(StoreError::taken(*new))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let moved = |cells: &dyn Cells| Ok(cells.bytes(0).flatten().map(padded));
        let mut key = *key;
        // A chain of marks is as long as the sign-ins within one grace; a ring of them would be damage.
        for _ in 0..MOST_MOVES {
            let values = [(&key).into(), now.into()];
            if self.link.changed(&END, &values).await? > 0 {
                return Ok(true);
            }
            match self.link.rows(&MOVED, &values, moved).await?.pop() {
                None => return Ok(false),
                // A session without a mark came in between: once more.
                Some(None) => {}
                Some(Some((moved_to, true))) => key = moved_to,
                Some(Some((_, false))) => return Err(StoreError::corrupt(key)),
            }
        }
        Err(StoreError::unavailable("the session kept moving away"))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let swept = self.link.changed(&SWEEP, &[now.into(), limit.into()]).await?;
        Ok(usize::try_from(swept).unwrap_or(usize::MAX))
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        OwnedPage::cut(self.link.rows(&OWNED, &[owner.into(), now.into()], owned).await?, after, limit)
    }

    async fn end_before(
        &self,
        point: Timestamp,
        _after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let mut total = 0;
        for _ in 0..TRIES {
            let values = [point.into(), now.into()];
            let ended = self.link.changed(&END_BEFORE, &values).await?;
            total += usize::try_from(ended).unwrap_or_default();
            // Where only rows are locked, and not the room between them, a session may have moved to where the server had been already.
            if self.link.rows(&OLDER, &values, |_| Ok(())).await?.is_empty() {
                return Ok(EndedPage::new(total, None));
            }
        }
        Err(StoreError::unavailable("sessions kept moving away"))
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let rows = self.link.rows(&SCAN, &[begin(after)?, now.into(), limit.into()], met).await?;
        Ok(page(rows, limit))
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.look().await
    }
}
