//! Sessions in a PostgreSQL database.

mod cancel;
mod checkup;
mod connect;
mod lease;
mod link;
mod migrate;
mod prepared;
mod shared;
mod wire;

use std::fmt;
use std::sync::Arc;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use deadpool_postgres::Pool;

use crate::TableName;
use crate::link::{Cells, Failure, TRIES, Unprepared, Value, touch, values};
use crate::name::composed;
use crate::row::{begin, found, met, owned, page};
use crate::statements::{self, postgres as own};
use crate::sweep::sweep;
use crate::url::without;
use crate::walks;
use link::Link;
pub use shared::PostgresConnections;

/// What stands around names.
const QUOTE: char = '"';

composed! {
    Arc<str>, |table: &TableName, template| table.compose(template, QUOTE);
    state = migrate::STATE,
    present = statements::TABLE,
    checkup = checkup::QUESTION,
    load = statements::LOAD,
    create = statements::CREATE,
    replace = own::REPLACE,
    touch = own::TOUCH,
    forget = statements::FORGET,
    cycle = own::CYCLE,
    end = own::END,
    sweep = own::SWEEP,
    owned = own::OWNED,
    count_owned = own::COUNT_OWNED,
    end_owned = own::END_OWNED,
    end_before = own::END_BEFORE,
    scan = statements::SCAN,
}

/// The table and its indexes.
const SCHEMA: &str = include_str!("postgres/schema.sql");

/// Sessions in a PostgreSQL database.
///
/// Each operation is one round trip; a statement costs one more the first time that a connection
/// sees it. Connections that the server closed are replaced when they are next needed. A statement
/// that the server undid for the sake of another one (a deadlock, a serialization failure) is tried
/// again. Clones share the pool.
///
/// # Connections
/// A connection whose caller has left isn't lent again before it has answered; if it doesn't, its
/// statement is cancelled and it is closed. Connections that have gone silent are found out by the
/// first missed deadline. Where the server gives fewer than the pool wants, callers wait for one of
/// those.
///
/// The server limits the statements of requests on connections of ours: `statement_timeout` to 1.8
/// seconds, `lock_timeout` to one, which is below the 2 seconds of a call. `options` of the URL
/// that name a timeout replace both. What takes long (sweeps, walks through all sessions, ending
/// all, migrations) has two connections in addition, without these limits.
///
/// # Poolers
/// Statements are prepared and kept, unless a pooler is in between that hands each transaction to
/// another connection of its own, as PgBouncer in transaction mode. That is found out by its
/// refusal of options, or by a statement that the server doesn't know: from then on each is sent
/// whole, in one round trip as before. `prepared=false` in the URL says so from the beginning;
/// `prepared=true` insists on prepared statements, for PgBouncer 1.21 or newer with
/// `max_prepared_statements`.
///
/// # Security
/// With the feature `tls`, `sslmode=require`, `verify-ca` and `verify-full` in the URL all mean the
/// same: encrypted, by a server whose certificate is good and bears the host's name. `sslrootcert`
/// names a PEM file of the certificates to trust instead of the system's. Any other mode, and none,
/// isn't encrypted: others on the network can read along.
#[derive(Clone)]
pub struct PostgresStore {
    words: Arc<Statements>,
    link: Link,
    /// For what takes long: where the connections are ours, the server doesn't limit it.
    patient: Link,
}

impl PostgresStore {
    /// A store behind a URL, `postgres://user:password@host/database`, with at most 16 connections.
    ///
    /// Nothing is connected yet: each connection is made when it is first needed, and takes 5
    /// seconds at most, or the `connect_timeout` of the URL. `table` and `schema` of the URL name
    /// the [table](TableName).
    ///
    /// # Errors
    /// A URL that doesn't make sense, or that asks for encryption which isn't built in; the error
    /// doesn't repeat it.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_sql::PostgresStore;
    /// use cloakroom_store::StoredSessions;
    ///
    /// let store = PostgresStore::connect("postgres://shop@localhost/shop")?;
    /// // Once, at start-up: `store.migrate().await?`, or the statements of `PostgresStore::schema()` among the application's own.
    /// let sessions = StoredSessions::new(store).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let (url, [table, schema]) = without(url, ["table", "schema"]);
        let words = Arc::new(Statements::of(TableName::of_url(table, schema)?));
        Link::connect(&url).map(|(link, patient)| Self { words, link, patient })
    }

    /// A store on a pool that the application has.
    ///
    /// Its connections have the limits that the application gives them: `lock_timeout` and
    /// `statement_timeout`, below the 2 seconds of a call. Abandoned statements are cancelled
    /// without encryption: where the connections are encrypted, these limits end them. The driver's
    /// request to cancel doesn't wait for the server, of which PgBouncer before 1.19 may die:
    /// connect by a URL there. `enable_bitmapscan=off`, which connections of ours have, keeps the
    /// pages of an owner with very many sessions cheap while the statistics of the table are old.
    #[must_use]
    pub fn from_pool(pool: Pool) -> Self {
        Self::of(Link::from_pool(pool))
    }

    /// A store on a pool of sqlx that the application has (feature `sqlx-postgres`).
    ///
    /// `test_before_acquire`, which is sqlx's default, costs a round trip per operation.
    ///
    /// sqlx can't cancel a statement: a connection whose caller has left is closed, and its
    /// statement goes on until the server's limits end it. Set them:
    /// `PgConnectOptions::options([("lock_timeout", "1s"), ("statement_timeout", "2s")])`.
    #[cfg(feature = "sqlx-postgres")]
    #[must_use]
    pub fn from_sqlx(pool: sqlx::PgPool) -> Self {
        Self::of(Link::Sqlx(crate::pools::Metered::new(pool, "postgres")))
    }

    fn of(link: Link) -> Self {
        Self { words: Arc::new(Statements::of(TableName::default())), patient: link.clone(), link }
    }

    /// Sets the table that holds the sessions, as `table` and `schema` of the URL do.
    #[must_use]
    pub fn table(self, name: TableName) -> Self {
        Self { words: Arc::new(Statements::of(name)), ..self }
    }

    /// The table that holds the sessions.
    #[must_use]
    pub fn table_name(&self) -> &TableName {
        &self.words.table
    }

    /// The statements that create a table, for those who migrate by other means.
    ///
    /// Only [`migrate`](Self::migrate) creates it; without either, each operation is an error that
    /// says so.
    #[must_use]
    pub fn schema(name: &TableName) -> String {
        name.compose(SCHEMA, QUOTE).to_string()
    }

    /// Creates the table and its indexes where they aren't there yet, and brings those of an
    /// earlier release up to date.
    ///
    /// Several processes may do it at the same time. Where all is there, nothing is changed or
    /// locked. Indexes are built while writers wait: where a table of an earlier release has
    /// millions of rows, carry out the statements of [`schema`](Self::schema) before, with
    /// `CREATE INDEX CONCURRENTLY`.
    ///
    /// # Errors
    /// When the database can't be reached, or the user may not create tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::migrate(&self.patient, &self.words).await
    }

    /// Removes the table with all that is in it: for programs that have made one for a test.
    ///
    /// # Errors
    /// When the database can't be reached, or the table isn't this user's.
    #[doc(hidden)]
    pub async fn drop_table(&self) -> Result<(), StoreError> {
        Ok(self.patient.migrate(&self.words.table.compose("DROP TABLE {table}", '"')).await?)
    }

    /// Looks whether the table is there, as this release needs it.
    ///
    /// # Errors
    /// [`StoreError::is_missing`] where it must be created or brought up to date; and when the
    /// database can't be reached, or the user may not read the table.
    pub async fn look_for_table(&self) -> Result<(), StoreError> {
        self.link.rows(&self.words.present, &[], |_| Ok(())).await?;
        Ok(())
    }

    /// The two columns of the one row that a statement answers with.
    async fn pair(link: &Link, text: &Arc<str>, values: &[Value]) -> Result<(i64, i64), Failure> {
        let read = |cells: &dyn Cells| {
            let column =
                |index| cells.number(index).ok_or_else(|| StoreError::unavailable("an answer without numbers"));
            Ok((column(0)?.unwrap_or_default(), column(1)?.unwrap_or_default()))
        };
        let mut rows = link.rows(text, values, read).await?;
        rows.pop().ok_or_else(|| Failure::because("an answer without a row"))
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own would print how to connect.
        f.debug_struct("PostgresStore")
            .field("table", &self.words.table)
            .field("connections", &self.link.connections())
            .finish_non_exhaustive()
    }
}

/// What the server said, where it said something: the driver's own words are only "db error".
fn told(why: tokio_postgres::Error) -> Failure {
    match why.as_db_error() {
        Some(told) => meaning(told.code().code(), told.message()),
        None => Failure::because(why),
    }
}

/// What the server says by a code of five characters (SQLSTATE).
pub(crate) fn meaning(code: &str, message: &str) -> Failure {
    let told = StoreError::unavailable(format!("{message} ({code})"));
    match code {
        // A serialization failure, and a deadlock.
        "40001" | "40P01" => Failure::Undone(told),
        "23505" => Failure::Taken,
        // A table, and a column.
        "42P01" | "42703" => Failure::Missing(format!("{message} ({code})")),
        "0A000" if message.contains("cached plan") => Failure::Unprepared(Unprepared::Outdated, told),
        "26000" => Failure::Unprepared(Unprepared::Forgotten, pooled(code, message)),
        // A statement that was bound with another number of values, or with values of other types.
        "42P05" | "08P01" | "22P03" => Failure::Unprepared(Unprepared::Mixed, pooled(code, message)),
        _ => Failure::Refused(told),
    }
}

/// Nothing but a pooler, or another user of the same connections, makes a server forget or mix up
/// what was prepared.
fn pooled(code: &str, message: &str) -> StoreError {
    StoreError::unavailable(format!(
        "{message} ({code}): a pooler in transaction mode is in between; `prepared=false` in the URL sends statements whole, \
         and PgBouncer keeps them from version 1.21 on, with `max_prepared_statements`"
    ))
}

/// The version written, or whether another one is there.
fn replaced((version, other): (i64, i64)) -> Replaced {
    match u64::try_from(version) {
        Ok(version @ 1..) => Replaced::Yes(Version::new(version)),
        Ok(0) | Err(_) => {
            if other > 0 {
                Replaced::Conflict
            } else {
                Replaced::Gone
            }
        }
    }
}

impl Store for PostgresStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut rows = self.link.rows(&self.words.load, &[key.into()], found(*key, now)).await?;
        Ok(rows.pop().unwrap_or(Loaded::Absent))
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let version = entry.next_version(None);
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, version.number().into()];
        let written = self.link.changed(&self.words.create, &values).await?;
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
        Ok(Self::pair(&self.link, &self.words.replace, &values).await.map(replaced)?)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = touch(key, touched, deadline, now);
        Ok(Self::pair(&self.link, &self.words.touch, &values).await? != (0, 0))
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
            match Self::pair(&self.link, &self.words.cycle, &values).await {
                Err(Failure::Taken) => {}
                answer => return Ok(answer.map(replaced)?),
            }
            // What is over makes room.
            if self.link.changed(&self.words.forget, &[new.into(), now.into()]).await? == 0 {
                break;
            }
        }
        Err(StoreError::taken(*new))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            match Self::pair(&self.link, &self.words.end, &[key.into(), now.into()]).await? {
                // It moved, or somebody else ended it, between the look and the deed.
                (0, 1..) => {}
                (ended, _) => return Ok(ended > 0),
            }
        }
        Err(StoreError::unavailable("the session kept moving away"))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let round = |most: usize| async move {
            let values = [now.into(), limit.into(), most.into()];
            let (gone, met) = Self::pair(&self.patient, &self.words.sweep, &values).await?;
            Ok((usize::try_from(gone).unwrap_or_default(), usize::try_from(met).unwrap_or_default()))
        };
        sweep(limit, round).await
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
        Ok(walks::page(self.link.rows(&self.words.owned, &values, owned).await?, limit))
    }

    async fn count_owned(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        let read = |cells: &dyn Cells| Ok(cells.number(0).flatten().and_then(|count| usize::try_from(count).ok()));
        let mut rows = self.link.rows(&self.words.count_owned, &[owner.into(), now.into()], read).await?;
        rows.pop().flatten().ok_or_else(|| StoreError::unavailable("an answer without a number"))
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let values = [owner.into(), now.into(), walks::but(keep), limit.into()];
        let (done, found) = Self::pair(&self.link, &self.words.end_owned, &values).await?;
        Ok(walks::ended(done.unsigned_abs(), found.unsigned_abs(), limit))
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let from = walks::from(after)?;
        let values = [point.into(), now.into(), from.into(), walks::STEP.into()];
        let read = |cells: &dyn Cells| {
            let count = |column| cells.number(column).flatten().unwrap_or_default().unsigned_abs();
            Ok(walks::Step { ended: count(0), found: count(1), last: cells.number(2).flatten() })
        };
        let step = self.patient.rows(&self.words.end_before, &values, read).await?.pop();
        Ok(step.unwrap_or_default().page(from, walks::STEP))
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let rows = self.patient.rows(&self.words.scan, &[begin(after)?, now.into(), limit.into()], met).await?;
        Ok(page(rows, limit))
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.look().await
    }
}
