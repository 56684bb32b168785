//! Sessions in a MySQL or MariaDB database.

mod checkup;
mod cluster;
#[cfg(feature = "mysql")]
mod connect;
mod connections;
mod dialect;
#[cfg(any(feature = "mysql", feature = "_sqlx"))]
pub(crate) mod failure;
#[cfg(feature = "mysql")]
mod lease;
#[cfg(feature = "mysql")]
mod membership;
#[cfg(feature = "mysql")]
mod shared;
mod statements;
#[cfg(feature = "mysql")]
mod wire;

use std::fmt;

use cloakroom_store::store::StoreError;

use crate::TableName;
use crate::lent::SqlxPool;
use crate::query::{Cells, Executor as _, Failure};
use crate::statements::mysql as own;
use crate::store::{SqlStore, implement_store};
use crate::walks::{STEP, StepSize};
use connections::Connections;
#[cfg(feature = "mysql")]
pub use shared::MysqlConnections;
use statements::{QUOTE, SCHEMA, statements};
#[cfg(feature = "mysql")]
use wire::Wire;

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
/// each connection (`SET SESSION wsrep_sync_wait = 7`);
/// [`checkup`](cloakroom_store::store::Store::checkup) reports if it is missing. With Group
/// Replication, connect only to the primary, or set `group_replication_consistency` to `BEFORE`.
///
/// # Security
/// With the feature `tls`, `ssl-mode=REQUIRED`, `VERIFY_CA` and `VERIFY_IDENTITY` in the URL all
/// mean the same, as does the driver's own `require_ssl=true`: the connection is encrypted, and the
/// server's certificate must be valid and match the host name. `ssl-ca` names a PEM file of
/// certificates to trust instead of the system's. With any other mode, or none, the connection
/// isn't encrypted, and others on the network can read it.
#[derive(Clone)]
pub struct MysqlStore(SqlStore<Connections>);

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
    #[cfg(feature = "mysql")]
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let (url, [table, schema]) = crate::url::without(url, ["table", "schema"]);
        let table = TableName::of_url(table, schema)?;
        let lender = connect::own(&url, vec![connect::LIMITS])?;
        Ok(Self::of(Connections::Pool(Wire(lender))).table(table))
    }

    /// Creates a store on the application's own pool.
    ///
    /// Its connections must have `autocommit` on, which is the default.
    ///
    /// With `reset_connection`, which is the driver's default, each operation costs two more round
    /// trips: set it to `false`.
    #[cfg(feature = "mysql")]
    #[must_use]
    pub fn from_pool(pool: mysql_async::Pool) -> Self {
        Self::of(Connections::Pool(Wire::from_pool(pool)))
    }

    /// Creates a store on the application's own sqlx pool, of sqlx 0.9 (feature `sqlx-mysql`) or
    /// 0.8 (feature `sqlx08-mysql`).
    ///
    /// `test_before_acquire`, which is sqlx's default, costs a round trip per operation.
    #[must_use]
    pub fn from_sqlx(pool: impl SqlxPool<Self>) -> Self {
        Self::of(Connections::Lent(pool.lent()))
    }

    fn of(connections: Connections) -> Self {
        Self(SqlStore::new(connections, StepSize::up_to(STEP), statements(TableName::default())))
    }

    /// Sets the table that holds the sessions, like `table` and `schema` in the URL.
    #[must_use]
    pub fn table(self, name: TableName) -> Self {
        Self(self.0.statements(statements(name)))
    }

    /// Returns the name of the table that holds the sessions.
    #[must_use]
    pub fn table_name(&self) -> &TableName {
        &self.0.statements.table
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
        let SqlStore { statements, connections, .. } = &self.0;
        connections.migrate(&Self::schema(&statements.table)).await?;
        let read = |cells: &dyn Cells| Ok(cells.number(0).flatten() == Some(1));
        let newest = async || Ok::<_, Failure>(connections.rows(&statements.own.newest_column, &[], read).await?.pop());
        let missing = match newest().await? {
            Some(true) => return Ok(()),
            Some(false) => own::STORE_COLUMN,
            None => own::ADD_COLUMN,
        };
        match connections.migrate(&statements.table.compose(missing, QUOTE)).await {
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
        Ok(self.0.connections.migrate(&self.table_name().compose("DROP TABLE {table}", QUOTE)).await?)
    }

    /// Checks that the table exists, in the form that this release needs.
    ///
    /// # Errors
    /// [`StoreError::is_missing`] if the table must be created or upgraded. Also fails if the
    /// database can't be reached, or the user may not read the table.
    pub async fn look_for_table(&self) -> Result<(), StoreError> {
        self.0.connections.rows(&self.0.statements.own.present, &[], |_| Ok(())).await?;
        Ok(())
    }
}

impl fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own `Debug` would print how to connect.
        f.debug_struct("MysqlStore").field("table", self.table_name()).finish_non_exhaustive()
    }
}

implement_store!(MysqlStore);
