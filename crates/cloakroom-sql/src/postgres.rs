//! Sessions in a PostgreSQL database.

use std::fmt;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Entry, Loaded, Owned, Replaced, Store, StoreError};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row as SqlRow};

use crate::row::{Row, millis, number, padded, points};
use crate::statements::{self, postgres as own};

/// The table and its indexes.
const SCHEMA: &str = include_str!("postgres/schema.sql");

/// How many connections there are at most, unless the application brings its own pool.
const CONNECTIONS: usize = 16;

/// How often a step is tried that others keep moving away from.
const TRIES: usize = 10;

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Sessions in a PostgreSQL database.
///
/// Each operation is one round trip; a statement costs one more the first time that a connection sees it. Connections that the server
/// closed are replaced when they are next needed. Clones share the pool.
///
/// # Security
/// Connections made by [`PostgresStore::connect`] aren't encrypted. Across a network that others can listen to, bring a pool that is.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Pool,
}

impl PostgresStore {
    /// A store behind a URL, `postgres://user:password@host/database`, with at most 16 connections.
    ///
    /// Nothing is connected yet: each connection is made when it is first needed.
    ///
    /// # Errors
    /// A URL that doesn't make sense; the error doesn't repeat it.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let config: tokio_postgres::Config = url.parse().map_err(StoreError::unavailable)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, recycling);
        let pool = Pool::builder(manager).max_size(CONNECTIONS).build().map_err(StoreError::unavailable)?;
        Ok(Self::from_pool(pool))
    }

    /// A store on a pool that the application has.
    #[must_use]
    pub const fn from_pool(pool: Pool) -> Self {
        Self { pool }
    }

    /// The statements that create the table, for those who migrate by other means.
    #[must_use]
    pub const fn schema() -> &'static str {
        SCHEMA
    }

    /// Creates the table and its indexes where they aren't there yet; several processes may do it at the same time.
    ///
    /// # Errors
    /// When the database can't be reached, or the user may not create tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let client = self.pool.get().await.map_err(StoreError::unavailable)?;
        // Without parameters, all statements of a text are one transaction.
        client.batch_execute(SCHEMA).await.map_err(refused)
    }

    async fn rows(&self, text: &str, parameters: Parameters<'_>) -> Result<Vec<SqlRow>, StoreError> {
        let client = self.pool.get().await.map_err(StoreError::unavailable)?;
        let statement = client.prepare_cached(text).await.map_err(refused)?;
        client.query(&statement, parameters).await.map_err(refused)
    }

    async fn changed(&self, text: &str, parameters: Parameters<'_>) -> Result<u64, StoreError> {
        let client = self.pool.get().await.map_err(StoreError::unavailable)?;
        let statement = client.prepare_cached(text).await.map_err(refused)?;
        client.execute(&statement, parameters).await.map_err(refused)
    }

    /// The two columns of the one row that a statement answers with.
    async fn pair<A, B>(&self, text: &str, parameters: Parameters<'_>) -> Result<(A, B), StoreError>
    where
        A: for<'a> tokio_postgres::types::FromSql<'a>,
        B: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let rows = self.rows(text, parameters).await?;
        let row = rows.first().ok_or_else(|| StoreError::unavailable("an answer without a row"))?;
        Ok((row.try_get(0).map_err(refused)?, row.try_get(1).map_err(refused)?))
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own would print how to connect.
        f.debug_struct("PostgresStore").field("connections", &self.pool.status().size).finish_non_exhaustive()
    }
}

/// What the server said, where it said something: the driver's own words are only "db error".
fn refused(why: tokio_postgres::Error) -> StoreError {
    match why.as_db_error() {
        Some(told) => StoreError::unavailable(format!("{} ({})", told.message(), told.code().code())),
        None => StoreError::unavailable(why),
    }
}

/// A row as it is, of whatever somebody put there.
fn row_of(row: &SqlRow) -> Option<Row<'_>> {
    Some(Row {
        version: row.try_get(0).ok()?,
        record: row.try_get(1).ok()?,
        created: row.try_get(2).ok()?,
        touched: row.try_get(3).ok()?,
        deadline: row.try_get(4).ok()?,
        owner: row.try_get(5).ok()?,
        moved: row.try_get::<_, Option<&[u8]>>(6).ok()?.is_some(),
    })
}

fn bytes(key: &StoreKey) -> &[u8] {
    key.as_bytes()
}

fn replaced((version, other): (Option<i64>, bool)) -> Replaced {
    match version.and_then(|version| u64::try_from(version).ok()) {
        Some(version) => Replaced::Yes(Version::new(version)),
        None if other => Replaced::Conflict,
        None => Replaced::Gone,
    }
}

impl Store for PostgresStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        match self.rows(statements::LOAD, &[&bytes(key)]).await?.first() {
            None => Ok(Loaded::Absent),
            Some(row) => row_of(row).ok_or_else(|| StoreError::corrupt(*key))?.loaded(key, now),
        }
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let (created, touched, deadline) = points(entry);
        let (text, owner) = (entry.text.as_bytes(), entry.owner.as_deref().map(str::as_bytes));
        let parameters: Parameters<'_> = &[&bytes(key), &millis(now), &text, &created, &touched, &deadline, &owner];
        let written = self.changed(statements::CREATE, parameters).await?;
        Ok(if written == 1 { Created::Yes(Version::new(1)) } else { Created::Taken })
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (created, touched, deadline) = points(entry);
        let (text, owner) = (entry.text.as_bytes(), entry.owner.as_deref().map(str::as_bytes));
        let seen = number(seen.number());
        let parameters: Parameters<'_> =
            &[&bytes(key), &millis(now), &text, &created, &touched, &deadline, &owner, &seen];
        self.pair(own::REPLACE, parameters).await.map(replaced)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let parameters: Parameters<'_> = &[&bytes(key), &millis(now), &millis(touched), &deadline.map(millis)];
        Ok(self.changed(statements::TOUCH, parameters).await? == 1)
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
        let (created, touched, deadline) = points(entry);
        let (text, owner) = (entry.text.as_bytes(), entry.owner.as_deref().map(str::as_bytes));
        let (seen, until) = (number(seen.number()), millis(moved_until));
        let parameters: Parameters<'_> =
            &[&bytes(old), &millis(now), &seen, &bytes(new), &until, &text, &created, &touched, &deadline, &owner];
        self.pair(own::CYCLE, parameters).await.map(replaced)
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            match self.pair(own::END, &[&bytes(key), &millis(now)]).await? {
                // It moved, or somebody else ended it, between the look and the deed.
                (false, true) => {}
                (ended, _) => return Ok(ended),
            }
        }
        Err(StoreError::unavailable("the session kept moving away"))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let swept = self.changed(own::SWEEP, &[&millis(now), &limit]).await?;
        Ok(usize::try_from(swept).unwrap_or(usize::MAX))
    }

    async fn owned(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        let rows = self.rows(statements::OWNED, &[&owner.as_bytes(), &millis(now)]).await?;
        let owned = |row: &SqlRow| {
            let key = row.try_get(7).unwrap_or_default();
            row_of(row).ok_or_else(|| StoreError::corrupt(padded(key).0))?.owned(key)
        };
        rows.iter().map(owned).collect()
    }

    async fn end_before(&self, point: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
        let mut total = 0;
        for _ in 0..TRIES {
            let (ended, there): (i64, i64) = self.pair(own::END_BEFORE, &[&millis(point), &millis(now)]).await?;
            total += usize::try_from(ended).unwrap_or_default();
            if ended >= there {
                return Ok(total);
            }
        }
        Err(StoreError::unavailable("sessions kept moving away"))
    }
}
