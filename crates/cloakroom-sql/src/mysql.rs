//! Sessions in a MySQL or MariaDB database.

mod checkup;
mod cluster;
mod connections;
pub(crate) mod failure;
mod lease;
mod statements;

use std::fmt;
use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use mysql_async::Pool;

use crate::TableName;
use crate::query::{Cells, Failure, TRIES, touch, values};
use crate::row::{begin, found, met, owned, padded, page};
use crate::statements::mysql as own;
use crate::sweep::sweep;
use crate::url::without;
use crate::walks::{self, StepSize};
use checkup::run_checkup;
use connections::Connections;
use statements::{QUOTE, SCHEMA, Statements};

/// Sessions in a MySQL or MariaDB database.
///
/// Each operation is one round trip. A sweep takes two, and so does each step of ending all
/// sessions. The first use of a statement on a connection costs one more. If nothing was replaced,
/// touched or ended, a second statement determines why. Connections that the server has closed are
/// replaced on demand. A statement that the server rolled back because of a conflict (a deadlock)
/// is retried. Clones share the pool.
///
/// A record can't be larger than the server's `max_allowed_packet`; the error says so.
///
/// # Connections
/// If a caller stops waiting, its connection is closed and the server thread is killed: otherwise
/// the server wouldn't notice while it waits for a lock. The first missed deadline makes the store
/// test its other connections, so that silent ones are found. If the server accepts fewer
/// connections than the pool wants, callers share the ones that exist. The store's own connections
/// wait one second for a lock (`innodb_lock_wait_timeout`) and are kept for five minutes after
/// their last use.
///
/// # Clusters
/// A Galera node may serve reads that are older than writes acknowledged by another node: behind a
/// load balancer, a session that was just created would be missing. The store's own connections set
/// `wsrep_sync_wait` on such nodes, so that reads wait. On the application's own pool, set it on
/// each connection (`SET SESSION wsrep_sync_wait = 7`); [`checkup`](Store::checkup) reports if it
/// is missing. With Group Replication, connect only to the primary, or set
/// `group_replication_consistency` to `BEFORE`.
///
/// # Security
/// With the feature `tls`, `ssl-mode=REQUIRED`, `VERIFY_CA` and `VERIFY_IDENTITY` in the URL all
/// mean the same, as does the driver's own `require_ssl=true`: the connection is encrypted, and the
/// server's certificate must be valid and match the host name. `ssl-ca` names a PEM file of
/// certificates to trust instead of the system's. With any other mode, or none, the connection
/// isn't encrypted, and others on the network can read it.
#[derive(Clone)]
pub struct MysqlStore {
    statements: Arc<Statements>,
    connections: Connections,
    steps: StepSize,
}

impl MysqlStore {
    /// Creates a store for a URL, `mysql://user:password@host/database`.
    ///
    /// It opens at most 16 connections, each on first use. `table` and `schema` in the URL name the
    /// [table](TableName); a schema is another database.
    ///
    /// # Errors
    /// Fails if the URL is invalid, or asks for encryption that isn't compiled in. The error
    /// doesn't repeat the URL.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_sql::MysqlStore;
    /// use cloakroom_store::StoredSessions;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = MysqlStore::connect("mysql://shop@localhost/shop")?;
    /// // Once, at start-up: `store.migrate().await?`, or `MysqlStore::schema()` in your own migrations.
    /// let sessions = StoredSessions::new(store).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let (url, [table, schema]) = without(url, ["table", "schema"]);
        let statements = Arc::new(Statements::of(TableName::of_url(table, schema)?));
        Connections::connect(&url).map(|connections| Self { statements, connections, steps: StepSize::default() })
    }

    /// Creates a store on the application's own pool.
    ///
    /// Its connections must have `autocommit` on, which is the default.
    ///
    /// With `reset_connection`, which is the driver's default, each operation costs two more round
    /// trips: set it to `false`.
    #[must_use]
    pub fn from_pool(pool: Pool) -> Self {
        Self::of(Connections::from_pool(pool))
    }

    /// Creates a store on the application's own sqlx pool (feature `sqlx-mysql`).
    ///
    /// `test_before_acquire`, which is sqlx's default, costs a round trip per operation.
    #[cfg(feature = "sqlx-mysql")]
    #[must_use]
    pub fn from_sqlx(pool: sqlx::MySqlPool) -> Self {
        Self::of(Connections::Sqlx(crate::pools::Metered::new(pool, "mysql")))
    }

    fn of(connections: Connections) -> Self {
        Self { statements: Arc::new(Statements::of(TableName::default())), connections, steps: StepSize::default() }
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

    /// Returns the statement that creates a table, for use with other migration tools.
    ///
    /// The table is created by [`migrate`](Self::migrate) or by this statement. Until then each
    /// operation fails with an error that says so.
    #[must_use]
    pub fn schema(name: &TableName) -> String {
        name.compose(SCHEMA, QUOTE).to_string()
    }

    /// Creates or upgrades the table and its indexes.
    ///
    /// Several processes may call this concurrently. If everything is up to date, nothing is
    /// changed.
    ///
    /// # Errors
    /// Fails if the database can't be reached, or the user may not create tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.connections.migrate(&Self::schema(&self.statements.table)).await?;
        let read = |cells: &dyn Cells| Ok(cells.number(0).flatten() == Some(1));
        let newest =
            async || Ok::<_, Failure>(self.connections.rows(&self.statements.newest_column, &[], read).await?.pop());
        let missing = match newest().await? {
            Some(true) => return Ok(()),
            Some(false) => own::STORE_COLUMN,
            None => own::ADD_COLUMN,
        };
        match self.connections.migrate(&self.statements.table.compose(missing, QUOTE)).await {
            // Another process was faster.
            Err(_) if newest().await? == Some(true) => {}
            answer => answer?,
        }
        Ok(())
    }

    /// Drops the table with its contents, for programs that created one for a test.
    ///
    /// # Errors
    /// Fails if the database can't be reached, or the user doesn't own the table.
    #[doc(hidden)]
    pub async fn drop_table(&self) -> Result<(), StoreError> {
        Ok(self.connections.migrate(&self.statements.table.compose("DROP TABLE {table}", QUOTE)).await?)
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

    async fn is_live(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.connections.rows(&self.statements.live, &[key.into(), now.into()], |_| Ok(())).await?.is_empty())
    }

    /// Determines why nothing was replaced: the key holds something else, or nothing.
    async fn not_replaced(&self, key: &StoreKey, now: Timestamp) -> Result<Replaced, StoreError> {
        Ok(if self.is_live(key, now).await? { Replaced::Conflict } else { Replaced::Gone })
    }

    /// Deletes the entry under a key if it has expired. Returns whether it did.
    async fn forget(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.connections.changed(&self.statements.forget, &[key.into(), now.into()]).await? > 0)
    }
}

impl fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own `Debug` would print how to connect.
        f.debug_struct("MysqlStore").field("table", &self.statements.table).finish_non_exhaustive()
    }
}

/// An end gives up after this many moves, or after this many sessions without a tombstone.
const MOST_MOVES: usize = 100;

impl Store for MysqlStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut rows = self.connections.rows(&self.statements.load, &[key.into()], found(*key, now)).await?;
        Ok(rows.pop().unwrap_or(Loaded::Absent))
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let version = entry.next_version(None);
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, version.number().into()];
        for _ in 0..TRIES {
            match self.connections.changed(&self.statements.create, &values).await {
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
        match self.connections.changed(&self.statements.replace, &values).await? {
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
        // Nor does a touch that has nothing to extend.
        Ok(self.connections.changed(&self.statements.touch, &values).await? > 0 || self.is_live(key, now).await?)
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
            match self.connections.changed(&self.statements.cycle, &values).await {
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
        // A chain of tombstones is as long as the number of sign-ins within one grace period. A
        // ring would be damage.
        for _ in 0..MOST_MOVES {
            let values = [(&key).into(), now.into()];
            if self.connections.changed(&self.statements.end, &values).await? > 0 {
                return Ok(true);
            }
            match self.connections.rows(&self.statements.moved, &values, moved).await?.pop() {
                None => return Ok(false),
                // A session without a tombstone appeared in between: try again.
                Some(None) => {}
                Some(Some((moved_to, true))) => key = moved_to,
                Some(Some((_, false))) => return Err(StoreError::corrupt(key)),
            }
        }
        Err(StoreError::unavailable("the session kept moving to new keys"))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let round = |most: usize| async move {
            let live_on = self.connections.changed(&self.statements.live_on, &[now.into(), limit.into()]).await?;
            let gone = self.connections.changed(&self.statements.sweep, &[now.into(), most.into()]).await?;
            Ok((usize::try_from(gone).unwrap_or_default(), usize::try_from(live_on + gone).unwrap_or_default()))
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
            let done = self.connections.changed(&self.statements.end_owned, &values).await?;
            let count = usize::try_from(done).unwrap_or(usize::MAX);
            // If the server locks only rows and not the gaps between them, a session may have moved
            // to a position that the server had already passed.
            let more = count >= rows
                || !self.connections.rows(&self.statements.more_owned, &values, |_| Ok(())).await?.is_empty();
            Ok(Ended::new(count, more))
        };
        Ok(self.steps.run(limit, step).await?)
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let mut from = walks::from(after)?;
        loop {
            let step = |rows: usize| async move {
                let values = [point.into(), now.into(), from.into(), rows.into()];
                let found = self
                    .connections
                    .rows(&self.statements.before, &values, walks::found)
                    .await?
                    .pop()
                    .unwrap_or_default();
                if found.found == 0 {
                    return Ok(found);
                }
                let ended = self.connections.changed(&self.statements.end_before, &values).await?;
                Ok(walks::Step { ended, ..found })
            };
            let step = self.steps.run(walks::STEP, step).await?;
            if step.found > 0 {
                // The walk ends at the step that finds nothing.
                let next = if step.ended < step.found { from } else { step.last() };
                return Ok(EndedPage::new(usize::try_from(step.ended).unwrap_or(usize::MAX), Some(walks::place(next))));
            }
            // If the server locks only rows and not the gaps between them, a session may have moved
            // to a position that the server had already passed.
            if from.unix_millis() == 0 {
                return Ok(EndedPage::default());
            }
            from = Timestamp::from_unix_millis(0);
        }
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let rows =
            self.connections.rows(&self.statements.scan, &[begin(after)?, now.into(), limit.into()], met).await?;
        Ok(page(rows, limit))
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        run_checkup(&self.connections, &self.statements.checkup, &self.statements.cluster).await
    }
}
