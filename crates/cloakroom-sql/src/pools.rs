//! The application's own sqlx pools, of each version of sqlx.
//!
//! If a caller stops waiting, sqlx takes the connection back only after it has answered, however
//! long that takes, and counts it until then. A single locked row could exhaust the whole pool, so
//! such a connection is closed instead.

mod metered;
mod pool;

/// Implements [`Pool`] for a database of a version of sqlx: how that version takes statements, how
/// the database takes text, and how its errors are classified.
macro_rules! accept {
    (
        $sqlx:ident::$database:ident, $row:path, $store:ty,
        name: $name:literal, network: $network:literal,
        statement: $statement:expr, text: $text:expr, classify: $classify:expr $(,)?
    ) => {
        const _: () = {
            use std::sync::Arc;

            use cloakroom_store::store::StoreError;
            use $sqlx::{Connection as _, Row as _};

            use crate::lent::{Lent, Reader, SqlxPool};
            use crate::pools::metered::Metered;
            use crate::pools::pool::Pool;
            use crate::query::{Cells, Failure, Value};

            type Database = $sqlx::$database;

            impl SqlxPool<$store> for $sqlx::Pool<Database> {
                fn lent(self) -> Lent {
                    Lent::new(Metered::new(self))
                }
            }

            impl Cells for $row {
                fn number(&self, column: usize) -> Option<Option<i64>> {
                    self.try_get(column).ok()
                }

                fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
                    // The column's type doesn't matter: it is read as bytes and validated later.
                    self.try_get_unchecked(column).ok()
                }
            }

            // Statements are built from constant texts and validated names.
            macro_rules! query {
                ($asked:ident, $values:ident) => {
                    $values.into_iter().fold($sqlx::query::<Database>($statement($asked)), |query, value| match value {
                        Value::Key(key) => query.bind(key.as_bytes().as_slice()),
                        Value::Number(number) => query.bind(*number),
                        Value::Text(text) => query.bind(text.as_deref().map($text)),
                    })
                };
            }

            impl Pool for $sqlx::Pool<Database> {
                type Connection = $sqlx::pool::PoolConnection<Database>;

                const STORE: &'static str = $name;
                const IS_NETWORK: bool = $network;

                async fn acquire(&self) -> Result<Self::Connection, Failure> {
                    self.acquire().await.map_err(to_failure)
                }

                fn connections(&self) -> (usize, usize) {
                    (usize::try_from(self.size()).unwrap_or(usize::MAX), self.num_idle())
                }

                async fn ping(connection: &mut Self::Connection) -> bool {
                    connection.ping().await.is_ok()
                }

                fn close(mut connection: Self::Connection) {
                    connection.close_on_drop();
                }

                async fn rows(
                    connection: &mut Self::Connection,
                    text: &Arc<str>,
                    values: Vec<&Value>,
                    read: Reader<'_>,
                ) -> Result<(), Failure> {
                    let rows = query!(text, values).fetch_all(&mut **connection).await.map_err(to_failure)?;
                    Ok(rows.iter().try_for_each(|row| read(row)).map_err(|error: StoreError| error)?)
                }

                async fn changed(
                    connection: &mut Self::Connection,
                    text: &Arc<str>,
                    values: Vec<&Value>,
                ) -> Result<u64, Failure> {
                    let done = query!(text, values).execute(&mut **connection).await.map_err(to_failure)?;
                    Ok(done.rows_affected())
                }

                async fn migrate(&self, schema: &str) -> Result<(), Failure> {
                    let schema = Arc::from(schema);
                    $sqlx::raw_sql($statement(&schema)).execute(self).await.map_err(to_failure)?;
                    Ok(())
                }
            }

            fn to_failure(error: $sqlx::Error) -> Failure {
                match error.as_database_error() {
                    Some(told) => $classify(told),
                    None => Failure::because(error),
                }
            }
        };
    };
}

/// Implements [`Pool`] for the databases of a version of sqlx, each with its feature.
macro_rules! version {
    ($sqlx:ident, $statement:expr, [$sqlite:literal, $postgres:literal, $mysql:literal]) => {
        #[cfg(feature = $sqlite)]
        accept! {
            $sqlx::Sqlite, $sqlx::sqlite::SqliteRow, crate::SqliteStore, name: "sqlite", network: false,
            statement: $statement, text: std::convert::identity,
            classify: |told: &dyn $sqlx::error::DatabaseError| {
                let code = told.code().and_then(|code| code.parse().ok()).unwrap_or_default();
                crate::sqlite::failure::classify(code, told.message())
            },
        }

        #[cfg(feature = $postgres)]
        accept! {
            $sqlx::Postgres, $sqlx::postgres::PgRow, crate::PostgresStore, name: "postgres", network: true,
            statement: $statement, text: str::as_bytes,
            classify: |told: &dyn $sqlx::error::DatabaseError| {
                crate::postgres::failure::classify(&told.code().unwrap_or_default(), told.message())
            },
        }

        #[cfg(feature = $mysql)]
        accept! {
            $sqlx::MySql, $sqlx::mysql::MySqlRow, crate::MysqlStore, name: "mysql", network: true,
            statement: $statement, text: str::as_bytes,
            classify: |told: &dyn $sqlx::error::DatabaseError| {
                let told_by_mysql = told.try_downcast_ref::<$sqlx::mysql::MySqlDatabaseError>();
                crate::mysql::failure::classify(told_by_mysql.map_or(0, |told| told.number()), told.message())
            },
        }
    };
}

#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres", feature = "sqlx-mysql"))]
mod v09 {
    version!(
        sqlx,
        |text: &Arc<str>| sqlx::AssertSqlSafe(Arc::clone(text)),
        ["sqlx-sqlite", "sqlx-postgres", "sqlx-mysql"]
    );
}

#[cfg(any(feature = "sqlx08-sqlite", feature = "sqlx08-postgres", feature = "sqlx08-mysql"))]
mod v08 {
    version!(sqlx08, AsRef::<str>::as_ref, ["sqlx08-sqlite", "sqlx08-postgres", "sqlx08-mysql"]);
}
