//! Sessions in a MySQL or MariaDB database.

mod words;

use std::fmt;
use std::sync::LazyLock;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Entry, Loaded, Owned, Replaced, Store, StoreError};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, Row as SqlRow, Value};

use crate::row::{Row, millis, number, padded, points};
use crate::statements::{self, mysql as own};
use words::Words;

/// The table and its indexes.
const SCHEMA: &str = include_str!("mysql/schema.sql");

/// How many connections are kept, and how many there are at most, unless the application brings its own pool.
const CONNECTIONS: (usize, usize) = (4, 16);

/// How often a step is tried that others get in the way of.
const TRIES: usize = 10;

/// Two steps waited for each other, or a row changed between being read and being locked: the server undid ours.
const UNDONE: [u16; 2] = [1213, 1020];

/// Sessions in a MySQL or MariaDB database.
///
/// Each operation is one round trip; a statement costs one more the first time that a connection sees it. Where nothing was replaced,
/// touched or ended, a second one asks why. Connections that the server closed are replaced when they are next needed. Clones share
/// the pool.
///
/// # Security
/// Connections made by [`MysqlStore::connect`] aren't encrypted. Across a network that others can listen to, bring a pool that is.
#[derive(Clone)]
pub struct MysqlStore {
    pool: Pool,
}

static LOAD: LazyLock<Words> = LazyLock::new(|| Words::of(statements::LOAD));
static LIVE: LazyLock<Words> = LazyLock::new(|| Words::of(statements::LIVE));
static TOUCH: LazyLock<Words> = LazyLock::new(|| Words::of(statements::TOUCH));
static OWNED: LazyLock<Words> = LazyLock::new(|| Words::of(statements::OWNED));
static END_BEFORE: LazyLock<Words> = LazyLock::new(|| Words::of(statements::END_BEFORE));
static CREATE: LazyLock<Words> = LazyLock::new(|| Words::of(own::CREATE));
static REPLACE: LazyLock<Words> = LazyLock::new(|| Words::of(own::REPLACE));
static CYCLE: LazyLock<Words> = LazyLock::new(|| Words::of(own::CYCLE));
static END: LazyLock<Words> = LazyLock::new(|| Words::of(own::END));
static MOVED: LazyLock<Words> = LazyLock::new(|| Words::of(own::MOVED));
static SWEEP: LazyLock<Words> = LazyLock::new(|| Words::of(own::SWEEP));

impl MysqlStore {
    /// A store behind a URL, `mysql://user:password@host/database`, with at most 16 connections.
    ///
    /// Nothing is connected yet: each connection is made when it is first needed.
    ///
    /// # Errors
    /// A URL that doesn't make sense; the error doesn't repeat it.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let opts = Opts::from_url(url).map_err(StoreError::unavailable)?;
        let (least, most) = CONNECTIONS;
        let constraints = PoolConstraints::new(least, most).unwrap_or_default();
        // A reset would be a round trip per operation, and would forget the prepared statements. Ours leave nothing behind to reset.
        let pool = PoolOpts::default().with_constraints(constraints).with_reset_connection(false);
        Ok(Self::from_pool(Pool::new(OptsBuilder::from_opts(opts).pool_opts(pool).client_found_rows(false))))
    }

    /// A store on a pool that the application has.
    ///
    /// It **must not** have `client_found_rows`: without it, the server says what was changed. With `reset_connection`, which is the
    /// driver's default, each operation costs two more round trips: set it to `false`.
    #[must_use]
    pub const fn from_pool(pool: Pool) -> Self {
        Self { pool }
    }

    /// The statement that creates the table, for those who migrate by other means.
    #[must_use]
    pub const fn schema() -> &'static str {
        SCHEMA
    }

    /// Creates the table and its indexes where they aren't there yet; several processes may do it at the same time.
    ///
    /// # Errors
    /// When the database can't be reached, or the user may not create tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.connection().await?.query_drop(SCHEMA).await.map_err(StoreError::unavailable)
    }

    async fn connection(&self) -> Result<Conn, StoreError> {
        let connection = self.pool.get_conn().await.map_err(StoreError::unavailable)?;
        if connection.opts().client_found_rows() {
            return Err(StoreError::unavailable("the pool has `client_found_rows`, which hides what was changed"));
        }
        Ok(connection)
    }
}

async fn rows(connection: &mut Conn, words: &Words, values: &[Value]) -> Result<Vec<SqlRow>, StoreError> {
    connection.exec(words.text(), words.places(values)).await.map_err(StoreError::unavailable)
}

/// How many rows were changed.
async fn changed(connection: &mut Conn, words: &Words, values: &[Value]) -> Result<u64, StoreError> {
    let mut tried = 1;
    loop {
        match connection.exec_drop(words.text(), words.places(values)).await {
            Ok(()) => return Ok(connection.affected_rows()),
            Err(Error::Server(told)) if UNDONE.contains(&told.code) && tried < TRIES => tried += 1,
            Err(why) => return Err(StoreError::unavailable(why)),
        }
    }
}

async fn is_live(connection: &mut Conn, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
    Ok(!rows(connection, &LIVE, &[bytes(key), millis(now).into()]).await?.is_empty())
}

/// Why nothing was replaced: something else is there, or nothing.
async fn not_replaced(connection: &mut Conn, key: &StoreKey, now: Timestamp) -> Result<Replaced, StoreError> {
    Ok(if is_live(connection, key, now).await? { Replaced::Conflict } else { Replaced::Gone })
}

impl fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own would print how to connect.
        f.debug_struct("MysqlStore").finish_non_exhaustive()
    }
}

fn bytes(key: &StoreKey) -> Value {
    Value::Bytes(key.as_bytes().to_vec())
}

/// Text, created, touched, deadline and owner.
fn values(entry: &Entry) -> [Value; 5] {
    let (created, touched, deadline) = points(entry);
    let owner = entry.owner.as_deref().map(str::as_bytes);
    [entry.text.as_bytes().into(), created.into(), touched.into(), deadline.into(), owner.into()]
}

fn blob(row: &SqlRow, index: usize) -> Option<Option<&[u8]>> {
    let value = row.as_ref(index)?;
    if let Value::Bytes(bytes) = value { Some(Some(bytes)) } else { (*value == Value::NULL).then_some(None) }
}

/// A row as it is, of whatever somebody put there.
fn row_of(row: &SqlRow) -> Option<Row<'_>> {
    let number = |index| if let Value::Int(number) = row.as_ref(index)? { Some(*number) } else { None };
    Some(Row {
        version: number(0)?,
        record: blob(row, 1)??,
        created: number(2)?,
        touched: number(3)?,
        deadline: if row.as_ref(4)? == &Value::NULL { None } else { Some(number(4)?) },
        owner: blob(row, 5)?,
        moved: blob(row, 6)?.is_some(),
    })
}

impl Store for MysqlStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut connection = self.connection().await?;
        match rows(&mut connection, &LOAD, &[bytes(key)]).await?.first() {
            None => Ok(Loaded::Absent),
            Some(row) => row_of(row).ok_or_else(|| StoreError::corrupt(*key))?.loaded(key, now),
        }
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let mut connection = self.connection().await?;
        let [text, created, touched, deadline, owner] = values(entry);
        let values = [bytes(key), millis(now).into(), text, created, touched, deadline, owner];
        // 1 for a new row, 2 for one in the place of another, 0 for one left as it was.
        let written = changed(&mut connection, &CREATE, &values).await?;
        Ok(if written > 0 { Created::Yes(Version::new(1)) } else { Created::Taken })
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let mut connection = self.connection().await?;
        let [text, created, touched, deadline, owner] = values(entry);
        let seen_there = number(seen.number()).into();
        let values = [bytes(key), millis(now).into(), text, created, touched, deadline, owner, seen_there];
        match changed(&mut connection, &REPLACE, &values).await? {
            0 => not_replaced(&mut connection, key, now).await,
            _ => Ok(Replaced::Yes(Version::new(seen.number() + 1))),
        }
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut connection = self.connection().await?;
        let values = [bytes(key), millis(now).into(), millis(touched).into(), deadline.map(millis).into()];
        // A touch that has nothing to extend changes nothing, either.
        Ok(changed(&mut connection, &TOUCH, &values).await? > 0 || is_live(&mut connection, key, now).await?)
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
        let mut connection = self.connection().await?;
        let [text, created, touched, deadline, owner] = values(entry);
        let (seen, until) = (number(seen.number()).into(), millis(moved_until).into());
        let values = [bytes(old), millis(now).into(), seen, bytes(new), until, text, created, touched, deadline, owner];
        match changed(&mut connection, &CYCLE, &values).await? {
            0 => not_replaced(&mut connection, old, now).await,
            _ => Ok(Replaced::Yes(Version::new(1))),
        }
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let mut connection = self.connection().await?;
        let mut key = *key;
        for _ in 0..TRIES {
            let values = [bytes(&key), millis(now).into()];
            if changed(&mut connection, &END, &values).await? > 0 {
                return Ok(true);
            }
            let rows = rows(&mut connection, &MOVED, &values).await?;
            let Some(row) = rows.first() else { return Ok(false) };
            // A session without a mark came in between: once more. One that came here from a mark is followed.
            if let Some(Some(moved_to)) = blob(row, 0) {
                key = Some(padded(moved_to)).filter(|(_, whole)| *whole).ok_or_else(|| StoreError::corrupt(key))?.0;
            }
        }
        Err(StoreError::unavailable("the session kept moving away"))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut connection = self.connection().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let swept = changed(&mut connection, &SWEEP, &[millis(now).into(), limit.into()]).await?;
        Ok(usize::try_from(swept).unwrap_or(usize::MAX))
    }

    async fn owned(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        let mut connection = self.connection().await?;
        let rows = rows(&mut connection, &OWNED, &[owner.as_bytes().into(), millis(now).into()]).await?;
        let owned = |row: &SqlRow| {
            let key = blob(row, 7).flatten().unwrap_or_default();
            row_of(row).ok_or_else(|| StoreError::corrupt(padded(key).0))?.owned(key)
        };
        rows.iter().map(owned).collect()
    }

    async fn end_before(&self, point: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
        let mut connection = self.connection().await?;
        // It locks what it passes, so that no session moves around it.
        let ended = changed(&mut connection, &END_BEFORE, &[millis(point).into(), millis(now).into()]).await?;
        Ok(usize::try_from(ended).unwrap_or(usize::MAX))
    }
}
