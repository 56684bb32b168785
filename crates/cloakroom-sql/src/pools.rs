//! Pools of sqlx that the application has.

/// One database: its names in sqlx, how it takes a text, and what its errors mean.
macro_rules! pool {
    ($database:ty, $row:ty, $text:expr, $told:path) => {
        use crate::link::{Cells, Failure, Value};
        use cloakroom_store::StoreError;
        use sqlx::query::Query;
        use sqlx::{Database, Pool, Row as _};

        impl Cells for $row {
            fn number(&self, column: usize) -> Option<Option<i64>> {
                self.try_get(column).ok()
            }

            fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
                // Whatever the column's type: it is read as bytes, and checked after that.
                self.try_get_unchecked(column).ok()
            }
        }

        fn query<'q>(
            text: &'static str,
            values: impl Iterator<Item = &'q Value>,
        ) -> Query<'q, $database, <$database as Database>::Arguments> {
            values.fold(sqlx::query(text), |query, value| match value {
                Value::Key(key) => query.bind(key.as_bytes().as_slice()),
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind(text.as_deref().map($text)),
            })
        }

        pub(crate) async fn rows<'q, T>(
            pool: &Pool<$database>,
            text: &'static str,
            values: impl Iterator<Item = &'q Value>,
            read: impl Fn(&dyn Cells) -> Result<T, StoreError>,
        ) -> Result<Vec<T>, Failure> {
            let rows = query(text, values).fetch_all(pool).await.map_err(told)?;
            Ok(rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?)
        }

        pub(crate) async fn changed<'q>(
            pool: &Pool<$database>,
            text: &'static str,
            values: impl Iterator<Item = &'q Value>,
        ) -> Result<u64, Failure> {
            Ok(query(text, values).execute(pool).await.map_err(told)?.rows_affected())
        }

        pub(crate) async fn migrate(pool: &Pool<$database>, schema: &'static str) -> Result<(), Failure> {
            sqlx::raw_sql(schema).execute(pool).await.map_err(told)?;
            Ok(())
        }

        fn told(error: sqlx::Error) -> Failure {
            match error.as_database_error() {
                Some(told) => $told(told),
                None => Failure::because(error),
            }
        }
    };
}

#[cfg(feature = "sqlx-postgres")]
pub(crate) mod postgres {
    pool!(sqlx::Postgres, sqlx::postgres::PgRow, str::as_bytes, meaning);

    fn meaning(told: &dyn sqlx::error::DatabaseError) -> Failure {
        crate::postgres::meaning(&told.code().unwrap_or_default(), told.message())
    }
}

#[cfg(feature = "sqlx-mysql")]
pub(crate) mod mysql {
    pool!(sqlx::MySql, sqlx::mysql::MySqlRow, str::as_bytes, meaning);

    fn meaning(told: &dyn sqlx::error::DatabaseError) -> Failure {
        let number = told.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |told| told.number());
        crate::mysql::meaning(number, told.message())
    }
}

#[cfg(feature = "sqlx-sqlite")]
pub(crate) mod sqlite {
    pool!(sqlx::Sqlite, sqlx::sqlite::SqliteRow, std::convert::identity, meaning);

    fn meaning(told: &dyn sqlx::error::DatabaseError) -> Failure {
        let code = told.code().and_then(|code| code.parse().ok()).unwrap_or_default();
        crate::sqlite::meaning(code, told.message())
    }
}
