//! Sessions in a PostgreSQL database.

mod cancel;
mod checkup;
mod connect;
mod connections;
pub(crate) mod failure;
mod lease;
mod migrate;
mod prepared;
mod shared;
mod statements;
mod wire;

use std::fmt;
use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use deadpool_postgres::Pool;

use crate::TableName;
use crate::query::{Cells, Failure, TRIES, touch, values};
use crate::row::{begin, found, met, owned, page};
use crate::sweep::sweep;
use crate::url::without;
use crate::walks::{self, StepSize};
use checkup::run_checkup;
use connections::Connections;
pub use shared::PostgresConnections;
use statements::{QUOTE, SCHEMA, Statements};

/// Sessions in a PostgreSQL database.
///
/// Each operation is one round trip. The first use of a statement on a connection costs one more.
/// Connections that the server has closed are replaced on demand. A statement that the server
/// rolled back because of a conflict (a deadlock, a serialization failure) is retried. Clones share
/// the pool.
///
/// # Connections
/// A connection whose caller stopped waiting isn't lent again until it has answered. If it doesn't
/// answer, its statement is cancelled and the connection is closed. The first missed deadline makes
/// the store test its other connections, so that silent ones are found. If the server accepts fewer
/// connections than the pool wants, callers share the ones that exist.
///
/// On the store's own connections the server limits each statement of a request:
/// `statement_timeout` is 1.8 seconds and `lock_timeout` one second, both below the 2 seconds of a
/// call. `options` in the URL that name a timeout replace both. Long-running work (sweeps,
/// iterating over all sessions, ending all sessions, migrations) has two additional connections
/// without these limits.
///
/// # Poolers
/// Statements are prepared and kept, unless a pooler such as PgBouncer in transaction mode assigns
/// each transaction to another server connection. The store detects a pooler when it refuses
/// start-up options, or when the server doesn't know a prepared statement. From then on each
/// statement is sent whole, still in one round trip. `prepared=false` in the URL does so from the
/// start. `prepared=true` insists on prepared statements, for PgBouncer 1.21 or newer with
/// `max_prepared_statements`.
///
/// # Security
/// With the feature `tls`, `sslmode=require`, `verify-ca` and `verify-full` in the URL all mean the
/// same: the connection is encrypted, and the server's certificate must be valid and match the host
/// name. `sslrootcert` names a PEM file of certificates to trust instead of the system's. With any
/// other mode, or none, the connection isn't encrypted, and others on the network can read it.
#[derive(Clone)]
pub struct PostgresStore {
    statements: Arc<Statements>,
    connections: Connections,
    /// For long-running work. On the store's own connections the server sets no time limit here.
    patient: Connections,
    steps: StepSize,
}

impl PostgresStore {
    /// Creates a store for a URL, `postgres://user:password@host/database`.
    ///
    /// It opens at most 16 connections, each on first use, within 5 seconds or the
    /// `connect_timeout` of the URL. `table` and `schema` in the URL name the [table](TableName).
    ///
    /// # Errors
    /// Fails if the URL is invalid, or asks for encryption that isn't compiled in. The error
    /// doesn't repeat the URL.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_sql::PostgresStore;
    /// use cloakroom_store::StoredSessions;
    ///
    /// let store = PostgresStore::connect("postgres://shop@localhost/shop")?;
    /// // Once, at start-up: `store.migrate().await?`, or `PostgresStore::schema()` in your own migrations.
    /// let sessions = StoredSessions::new(store).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let (url, [table, schema]) = without(url, ["table", "schema"]);
        let statements = Arc::new(Statements::of(TableName::of_url(table, schema)?));
        Connections::connect(&url).map(|(connections, patient)| Self {
            statements,
            connections,
            patient,
            steps: StepSize::default(),
        })
    }

    /// Creates a store on the application's own pool.
    ///
    /// Its connections have only the limits that the application sets: choose a `lock_timeout` and
    /// a `statement_timeout` below the 2 seconds of a call. Cancel requests for abandoned
    /// statements are sent unencrypted, so on encrypted connections these limits are the only way
    /// to end such a statement. The driver doesn't wait for the server to close a cancel request,
    /// which can crash PgBouncer before 1.19: connect by URL there. The store's own connections set
    /// `enable_bitmapscan=off`, which keeps the pages of an owner with very many sessions cheap
    /// while the table's statistics are outdated.
    #[must_use]
    pub fn from_pool(pool: Pool) -> Self {
        Self::of(Connections::from_pool(pool))
    }

    /// Creates a store on the application's own sqlx pool (feature `sqlx-postgres`).
    ///
    /// `test_before_acquire`, which is sqlx's default, costs a round trip per operation.
    ///
    /// sqlx can't cancel a statement. If a caller stops waiting, its connection is closed, and the
    /// statement runs until the server's limits end it. Set them:
    /// `PgConnectOptions::options([("lock_timeout", "1s"), ("statement_timeout", "2s")])`.
    #[cfg(feature = "sqlx-postgres")]
    #[must_use]
    pub fn from_sqlx(pool: sqlx::PgPool) -> Self {
        Self::of(Connections::Sqlx(crate::pools::Metered::new(pool, "postgres")))
    }

    fn of(connections: Connections) -> Self {
        let statements = Arc::new(Statements::of(TableName::default()));
        Self { statements, patient: connections.clone(), connections, steps: StepSize::default() }
    }

    /// Sets the table that holds the sessions, like `table` and `schema` in the URL.
    #[must_use]
    pub fn table(self, name: TableName) -> Self {
        Self { statements: Arc::new(Statements::of(name)), ..self }
    }

    /// Returns the name of the table that holds the sessions.
    #[must_use]
    pub fn table_name(&self) -> &TableName {
        &self.statements.table
    }

    /// Returns the statements that create a table, for use with other migration tools.
    ///
    /// The table is created by [`migrate`](Self::migrate) or by these statements. Until then each
    /// operation fails with an error that says so.
    #[must_use]
    pub fn schema(name: &TableName) -> String {
        name.compose(SCHEMA, QUOTE).to_string()
    }

    /// Creates or upgrades the table and its indexes.
    ///
    /// Several processes may call this concurrently. If everything is up to date, nothing is
    /// changed or locked. Building an index blocks writers: if a table of an earlier release has
    /// millions of rows, run the statements of [`schema`](Self::schema) first, with
    /// `CREATE INDEX CONCURRENTLY`.
    ///
    /// # Errors
    /// Fails if the database can't be reached, or the user may not create tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::migrate(&self.patient, &self.statements).await
    }

    /// Drops the table with its contents, for programs that created one for a test.
    ///
    /// # Errors
    /// Fails if the database can't be reached, or the user doesn't own the table.
    #[doc(hidden)]
    pub async fn drop_table(&self) -> Result<(), StoreError> {
        Ok(self.patient.migrate(&self.statements.table.compose("DROP TABLE {table}", '"')).await?)
    }

    /// Checks that the table exists, in the form that this release needs.
    ///
    /// # Errors
    /// [`StoreError::is_missing`] if the table must be created or upgraded. Also fails if the
    /// database can't be reached, or the user may not read the table.
    pub async fn look_for_table(&self) -> Result<(), StoreError> {
        self.connections.rows(&self.statements.present, &[], |_| Ok(())).await?;
        Ok(())
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own `Debug` would print how to connect.
        f.debug_struct("PostgresStore")
            .field("table", &self.statements.table)
            .field("connections", &self.connections.count())
            .finish_non_exhaustive()
    }
}

/// Interprets the version written, or whether another version exists.
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
        let mut rows = self.connections.rows(&self.statements.load, &[key.into()], found(*key, now)).await?;
        Ok(rows.pop().unwrap_or(Loaded::Absent))
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let version = entry.next_version(None);
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, version.number().into()];
        let written = self.connections.changed(&self.statements.create, &values).await?;
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
        Ok(self.connections.pair(&self.statements.replace, &values).await.map(replaced)?)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = touch(key, touched, deadline, now);
        Ok(self.connections.pair(&self.statements.touch, &values).await? != (0, 0))
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
            match self.connections.pair(&self.statements.cycle, &values).await {
                Err(Failure::Taken) => {}
                answer => return Ok(answer.map(replaced)?),
            }
            // An expired entry makes room.
            if self.connections.changed(&self.statements.forget, &[new.into(), now.into()]).await? == 0 {
                break;
            }
        }
        Err(StoreError::taken(*new))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            match self.connections.pair(&self.statements.end, &[key.into(), now.into()]).await? {
                // Between the two steps it moved, or another request ended it.
                (0, 1..) => {}
                (ended, _) => return Ok(ended > 0),
            }
        }
        Err(StoreError::unavailable("the session kept moving to new keys"))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let round = |most: usize| async move {
            let step = |rows: usize| async move {
                let values = [now.into(), rows.into(), most.min(rows).into()];
                self.patient.pair(&self.statements.sweep, &values).await
            };
            let (gone, met) = self.steps.run(limit, step).await?;
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
        Ok(walks::page(self.connections.rows(&self.statements.owned, &values, owned).await?, limit))
    }

    async fn count_owned(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        let read = |cells: &dyn Cells| Ok(cells.number(0).flatten().and_then(|count| usize::try_from(count).ok()));
        let mut rows = self.connections.rows(&self.statements.count_owned, &[owner.into(), now.into()], read).await?;
        rows.pop().flatten().ok_or_else(|| StoreError::unavailable("the result has no number"))
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let step = |rows: usize| async move {
            let values = [owner.into(), now.into(), walks::but(keep), rows.into()];
            let (done, found) = self.connections.pair(&self.statements.end_owned, &values).await?;
            Ok(walks::ended(done.unsigned_abs(), found.unsigned_abs(), rows))
        };
        Ok(self.steps.run(limit, step).await?)
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let from = walks::from(after)?;
        let read = |cells: &dyn Cells| {
            let count = |column| cells.number(column).flatten().unwrap_or_default().unsigned_abs();
            Ok(walks::Step { ended: count(0), found: count(1), last: cells.number(2).flatten() })
        };
        let step = |rows: usize| async move {
            let values = [point.into(), now.into(), from.into(), rows.into()];
            let step = self.patient.rows(&self.statements.end_before, &values, read).await?.pop();
            Ok(step.unwrap_or_default().page(from, rows))
        };
        Ok(self.steps.run(walks::STEP, step).await?)
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let rows = self.patient.rows(&self.statements.scan, &[begin(after)?, now.into(), limit.into()], met).await?;
        Ok(page(rows, limit))
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        run_checkup(&self.connections, &self.statements.checkup).await
    }
}
