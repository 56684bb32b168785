//! Sessions in a PostgreSQL database.

#[cfg(feature = "postgres")]
mod cancel;
mod checkup;
#[cfg(feature = "postgres")]
mod connect;
mod connections;
mod dialect;
#[cfg(any(feature = "postgres", feature = "_sqlx"))]
pub(crate) mod failure;
#[cfg(feature = "postgres")]
mod feed;
#[cfg(feature = "postgres")]
mod lease;
#[cfg(feature = "postgres")]
mod line;
mod migrate;
#[cfg(feature = "postgres")]
mod prepared;
#[cfg(feature = "postgres")]
mod shared;
mod statements;
#[cfg(feature = "postgres")]
mod values;
#[cfg(feature = "postgres")]
mod wire;

use std::fmt;
#[cfg(feature = "postgres")]
use std::sync::Arc;

use cloakroom_store::store::StoreError;

use crate::TableName;
use crate::lent::SqlxPool;
use crate::query::Executor as _;
use crate::store::{SqlStore, implement_store};
use crate::walks::{STEP, StepSize};
use connections::Connections;
#[cfg(feature = "postgres")]
pub use shared::PostgresConnections;
use statements::{QUOTE, SCHEMA, statements};

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
/// # Ended sessions
/// Statements that end or move sessions notify all processes (`NOTIFY`). A store that was created
/// with a URL listens on a separate connection while a request waits in
/// [`Session::ended`](cloakroom_session::Session::ended). A store on the application's own pool
/// listens with [`listen`](Self::listen). If notifications don't arrive, as behind a pooler in
/// transaction mode, a warning says so and sessions are checked at the interval. All processes that
/// use a table **must** either notify or not, see [`notify`](Self::notify).
///
/// # Security
/// Every user of the database can listen to notifications, which contain hashes of ids. A hash
/// opens no session.
///
/// With the feature `tls`, `sslmode=require`, `verify-ca` and `verify-full` in the URL all mean the
/// same: the connection is encrypted, and the server's certificate must be valid and match the host
/// name. `sslrootcert` names a PEM file of certificates to trust instead of the system's. With any
/// other mode, or none, the connection isn't encrypted, and others on the network can read it.
#[derive(Clone)]
pub struct PostgresStore(SqlStore<Connections>, Telling);

/// The way in which a store learns of ends on other nodes.
#[derive(Clone)]
struct Telling {
    notifies: bool,
    #[cfg(feature = "postgres")]
    line: Option<line::Line>,
}

impl PostgresStore {
    /// Creates a store for a URL, `postgres://user:password@host/database`.
    ///
    /// It opens at most 16 connections, each on first use, within 5 seconds or the
    /// `connect_timeout` of the URL. `table` and `schema` in the URL name the [table](TableName).
    /// `notify=false` is [`notify(false)`](Self::notify), and `listen=HOST:PORT` names the server
    /// to listen to, if the URL leads to a pooler in transaction mode.
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
    #[cfg(feature = "postgres")]
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let (url, [table, schema, notify, listen]) = crate::url::without(url, ["table", "schema", "notify", "listen"]);
        let table = TableName::of_url(table, schema)?;
        let notifies = match notify.as_deref() {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(StoreError::unavailable("`notify` in the URL must be true or false")),
        };
        let line = match listen {
            None => line::Line::to(&url)?,
            Some(host) => line::Line::to(&line::elsewhere(&url, &host)?)?,
        };
        let connect::Connected { brief, patient, canceller, prepared } = connect::connect(&url)?;
        let connections =
            |pool| Connections::Pool(Arc::new(wire::Wire::new(pool, canceller.clone(), prepared.clone())));
        let patient = connections(patient);
        let Self(store, _) = Self::of(connections(brief));
        Ok(Self(store.patient(patient), Telling { notifies, line: Some(line) }).table(table))
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
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn from_pool(pool: deadpool_postgres::Pool) -> Self {
        let wire = wire::Wire::new(pool, cancel::Canceller::Driver, prepared::Prepared::default());
        Self::of(Connections::Pool(Arc::new(wire)))
    }

    /// Creates a store on the application's own sqlx pool, of sqlx 0.9 (feature `sqlx-postgres`) or
    /// 0.8 (feature `sqlx08-postgres`).
    ///
    /// `test_before_acquire`, which is sqlx's default, costs a round trip per operation.
    ///
    /// sqlx can't cancel a statement. If a caller stops waiting, its connection is closed, and the
    /// statement runs until the server's limits end it. Set them:
    /// `PgConnectOptions::options([("lock_timeout", "1s"), ("statement_timeout", "2s")])`.
    #[must_use]
    pub fn from_sqlx(pool: impl SqlxPool<Self>) -> Self {
        Self::of(Connections::Lent(pool.lent()))
    }

    fn of(connections: Connections) -> Self {
        let telling = Telling {
            notifies: true,
            #[cfg(feature = "postgres")]
            line: None,
        };
        Self(SqlStore::new(connections, StepSize::up_to(STEP), statements(TableName::default(), true)), telling)
    }

    /// Sets the table that holds the sessions, like `table` and `schema` in the URL.
    #[must_use]
    pub fn table(self, name: TableName) -> Self {
        let Self(store, telling) = self;
        let store = store.statements(statements(name, telling.notifies));
        #[cfg(feature = "postgres")]
        if let (Some(line), true) = (&telling.line, telling.notifies) {
            let announcer = feed::announcer(line.clone(), store.connections.clone(), &store.statements);
            return Self(store.announcer(announcer), telling);
        }
        Self(store.announcer(SqlStore::<Connections>::alone()), telling)
    }

    /// Sets whether ended and moved sessions are announced to all processes. The default is `true`.
    ///
    /// A notification takes a lock of the whole server when the statement commits, so that commits
    /// with notifications follow one another. Turn it off if the server ends or moves thousands of
    /// sessions per second, or if it doesn't know `pg_notify`. All processes that use the table
    /// **must** have the same setting: a process that listens relies on the others, and notices
    /// their ends after a minute otherwise.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_sql::PostgresStore;
    ///
    /// let store = PostgresStore::connect("postgres://shop@localhost/shop")?.notify(false);
    /// # let _ = store;
    /// # Ok::<(), cloakroom_store::store::StoreError>(())
    /// ```
    #[must_use]
    pub fn notify(self, notifies: bool) -> Self {
        let table = self.table_name().clone();
        let Self(store, mut telling) = self;
        telling.notifies = notifies;
        Self(store, telling).table(table)
    }

    /// Listens to the server of a URL, for stores on a pool of the application.
    ///
    /// The URL leads to the same database as the pool, and not through a pooler in transaction
    /// mode. A connection is opened while a request waits in
    /// [`Session::ended`](cloakroom_session::Session::ended).
    ///
    /// # Errors
    /// Fails if the URL is invalid, or asks for encryption that isn't compiled in. The error
    /// doesn't repeat the URL.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_sql::PostgresStore;
    ///
    /// # fn store(pool: deadpool_postgres::Pool) -> Result<PostgresStore, cloakroom_store::store::StoreError> {
    /// PostgresStore::from_pool(pool).listen("postgres://shop@localhost/shop")
    /// # }
    /// ```
    #[cfg(feature = "postgres")]
    pub fn listen(self, url: &str) -> Result<Self, StoreError> {
        let table = self.table_name().clone();
        let Self(store, telling) = self;
        Ok(Self(store, Telling { line: Some(line::Line::to(url)?), ..telling }).table(table))
    }

    /// Returns the name of the table that holds the sessions.
    #[must_use]
    pub fn table_name(&self) -> &TableName {
        &self.0.statements.table
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
        migrate::migrate(&self.0.patient, &self.0.statements).await
    }

    /// Drops the table with its contents, for programs that created one for a test.
    ///
    /// # Errors
    /// Fails if the database can't be reached, or the user doesn't own the table.
    #[doc(hidden)]
    pub async fn drop_table(&self) -> Result<(), StoreError> {
        Ok(self.0.patient.migrate(&self.table_name().compose("DROP TABLE {table}", QUOTE)).await?)
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

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own `Debug` would print how to connect.
        f.debug_struct("PostgresStore")
            .field("table", self.table_name())
            .field("connections", &self.0.connections.count())
            .finish_non_exhaustive()
    }
}

implement_store!(PostgresStore);
