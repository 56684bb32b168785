//! Support for the application's own sqlx pools.
//!
//! If a caller stops waiting, sqlx takes the connection back only after it has answered, however
//! long that takes, and counts it until then. A single locked row could exhaust the whole pool, so
//! such a connection is closed instead.

#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-mysql", feature = "sqlx-sqlite"))]
mod metered {
    use std::fmt;
    use std::ops::{Deref, DerefMut};
    use std::sync::Arc;

    use cloakroom_session::meter;
    use sqlx::pool::PoolConnection;
    use sqlx::{Database, Pool};

    /// A pool and its meter.
    pub(crate) struct Metered<D: Database> {
        pub(crate) pool: Pool<D>,
        meter: Arc<meter::Pool>,
    }

    impl<D: Database> Metered<D> {
        pub(crate) fn new(pool: Pool<D>, store: &'static str) -> Self {
            Self { pool, meter: Arc::new(meter::Pool::new(store)) }
        }

        /// Borrows a connection.
        pub(super) async fn acquire(&self) -> sqlx::Result<Borrowed<D>> {
            let wait = self.meter.wait();
            let connection = self.pool.acquire().await?;
            wait.done();
            self.count();
            Ok(Borrowed { connection, _counted: Counted(self.clone()) })
        }

        fn count(&self) {
            self.meter.holds(|| {
                let (all, idle) = (usize::try_from(self.pool.size()).unwrap_or(usize::MAX), self.pool.num_idle());
                (all.saturating_sub(idle), idle)
            });
        }
    }

    impl<D: Database> Clone for Metered<D> {
        fn clone(&self) -> Self {
            Self { pool: self.pool.clone(), meter: Arc::clone(&self.meter) }
        }
    }

    impl<D: Database> fmt::Debug for Metered<D> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.pool.fmt(f)
        }
    }

    /// A borrowed connection.
    pub(super) struct Borrowed<D: Database> {
        connection: PoolConnection<D>,
        /// The last field: it is dropped when the connection has gone back.
        _counted: Counted<D>,
    }

    struct Counted<D: Database>(Metered<D>);

    impl<D: Database> Drop for Counted<D> {
        fn drop(&mut self) {
            self.0.count();
        }
    }

    impl<D: Database> Deref for Borrowed<D> {
        type Target = PoolConnection<D>;

        fn deref(&self) -> &Self::Target {
            &self.connection
        }
    }

    impl<D: Database> DerefMut for Borrowed<D> {
        fn deref_mut(&mut self) -> &mut Self::Target {
            &mut self.connection
        }
    }
}

#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-mysql", feature = "sqlx-sqlite"))]
pub(crate) use metered::Metered;

#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-mysql"))]
mod lease {
    use sqlx::{Connection as _, Database};
    use tokio::runtime::Handle;
    use tokio::time::timeout;

    use super::metered::{Borrowed, Metered};
    use crate::suspects::GRACE;

    /// A borrowed connection.
    pub(super) struct Lease<D: Database> {
        connection: Option<Borrowed<D>>,
        owes: bool,
    }

    impl<D: Database> Lease<D> {
        pub(super) async fn of(pool: &Metered<D>) -> sqlx::Result<Self> {
            Ok(Self { connection: Some(pool.acquire().await?), owes: false })
        }

        /// Returns the connection for a query. From here on it owes an answer, until
        /// [`answered`](Self::answered).
        pub(super) fn owing(&mut self) -> sqlx::Result<&mut D::Connection> {
            self.owes = true;
            self.connection.as_mut().map(|it| &mut ***it).ok_or(sqlx::Error::PoolClosed)
        }

        pub(super) const fn answered(&mut self) {
            self.owes = false;
        }
    }

    impl<D: Database> Drop for Lease<D> {
        fn drop(&mut self) {
            let Some(mut connection) = self.connection.take().filter(|_| self.owes) else { return };
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(async move {
                    if !matches!(timeout(GRACE, connection.ping()).await, Ok(Ok(()))) {
                        connection.close_on_drop();
                    }
                })),
                Err(_) => connection.close_on_drop(),
            }
        }
    }
}

/// Defines one database: its sqlx types, how it binds text, and how its errors are classified.
macro_rules! pool {
    ($database:ty, $row:ty, $text:expr, $classify:path, $executor:ident) => {
        use super::Metered;
        use crate::query::{Cells, Failure, Value};
        use cloakroom_store::store::StoreError;
        use sqlx::query::Query;
        use sqlx::{AssertSqlSafe, Database, Row as _};
        use std::sync::Arc;

        impl Cells for $row {
            fn number(&self, column: usize) -> Option<Option<i64>> {
                self.try_get(column).ok()
            }

            fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
                // The column's type doesn't matter: it is read as bytes and validated later.
                self.try_get_unchecked(column).ok()
            }
        }

        fn query<'q>(
            text: &Arc<str>,
            values: impl Iterator<Item = &'q Value>,
        ) -> Query<'q, $database, <$database as Database>::Arguments> {
            // Built from constant texts and validated names.
            values.fold(sqlx::query(AssertSqlSafe(Arc::clone(text))), |query, value| match value {
                Value::Key(key) => query.bind(key.as_bytes().as_slice()),
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind(text.as_deref().map($text)),
            })
        }

        pub(crate) async fn rows<'q, T>(
            pool: &Metered<$database>,
            text: &Arc<str>,
            values: impl Iterator<Item = &'q Value>,
            read: impl Fn(&dyn Cells) -> Result<T, StoreError>,
        ) -> Result<Vec<T>, Failure> {
            let rows = $executor!(pool, connection, query(text, values).fetch_all(connection)).map_err(to_failure)?;
            Ok(rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?)
        }

        pub(crate) async fn changed<'q>(
            pool: &Metered<$database>,
            text: &Arc<str>,
            values: impl Iterator<Item = &'q Value>,
        ) -> Result<u64, Failure> {
            let done = $executor!(pool, connection, query(text, values).execute(connection)).map_err(to_failure)?;
            Ok(done.rows_affected())
        }

        pub(crate) async fn migrate(pool: &Metered<$database>, schema: &str) -> Result<(), Failure> {
            // Built from constant texts and validated names.
            sqlx::raw_sql(AssertSqlSafe(schema)).execute(&pool.pool).await.map_err(to_failure)?;
            Ok(())
        }

        fn to_failure(error: sqlx::Error) -> Failure {
            match error.as_database_error() {
                Some(told) => $classify(told),
                None => Failure::because(error),
            }
        }
    };
}

/// Runs on a connection that is cleaned up if the caller stops waiting.
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-mysql"))]
macro_rules! leased {
    ($pool:ident, $connection:ident, $question:expr) => {{
        let mut lease = super::lease::Lease::of($pool).await.map_err(to_failure)?;
        let $connection = lease.owing().map_err(to_failure)?;
        let answer = $question.await;
        lease.answered();
        answer
    }};
}

/// Runs on any connection: a file has no network connection.
#[cfg(feature = "sqlx-sqlite")]
macro_rules! pooled {
    ($pool:ident, $connection:ident, $question:expr) => {{
        let mut borrowed = $pool.acquire().await.map_err(to_failure)?;
        let $connection = &mut **borrowed;
        $question.await
    }};
}

#[cfg(feature = "sqlx-postgres")]
pub(crate) mod postgres {
    pool!(sqlx::Postgres, sqlx::postgres::PgRow, str::as_bytes, classify, leased);

    fn classify(told: &dyn sqlx::error::DatabaseError) -> Failure {
        crate::postgres::failure::classify(&told.code().unwrap_or_default(), told.message())
    }
}

#[cfg(feature = "sqlx-mysql")]
pub(crate) mod mysql {
    pool!(sqlx::MySql, sqlx::mysql::MySqlRow, str::as_bytes, classify, leased);

    fn classify(told: &dyn sqlx::error::DatabaseError) -> Failure {
        let number = told.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |told| told.number());
        crate::mysql::failure::classify(number, told.message())
    }
}

#[cfg(feature = "sqlx-sqlite")]
pub(crate) mod sqlite {
    pool!(sqlx::Sqlite, sqlx::sqlite::SqliteRow, std::convert::identity, classify, pooled);

    fn classify(told: &dyn sqlx::error::DatabaseError) -> Failure {
        let code = told.code().and_then(|code| code.parse().ok()).unwrap_or_default();
        crate::sqlite::failure::classify(code, told.message())
    }
}
