//! The connections to an SQLite file.

use cloakroom_store::StoreError;
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, Error, Row, TransactionBehavior, params_from_iter};

use super::lane::Lane;
use super::meaning;
use crate::link::{Cells, Failure, Value};

#[derive(Clone, Debug)]
pub(super) enum Link {
    Lanes {
        writer: Lane,
        readers: Lane,
    },
    #[cfg(feature = "sqlx-sqlite")]
    Sqlx(sqlx::SqlitePool),
}

impl Link {
    pub(super) async fn rows<T: Send + 'static, const N: usize>(
        &self,
        text: &'static str,
        values: [Value; N],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure> {
        match self {
            Self::Lanes { readers, .. } => {
                let step = move |connection: &mut Connection| {
                    let mut statement = connection.prepare_cached(text).map_err(told)?;
                    let mut rows = statement.query(params_from_iter(values)).map_err(told)?;
                    let mut answers = Vec::new();
                    while let Some(row) = rows.next().map_err(told)? {
                        answers.push(read(row)?);
                    }
                    Ok(answers)
                };
                readers.run(step).await
            }
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(pool) => crate::pools::sqlite::rows(pool, text, values.iter(), read).await,
        }
    }

    pub(super) async fn changed<const N: usize>(&self, text: &'static str, values: [Value; N]) -> Result<u64, Failure> {
        match self {
            Self::Lanes { writer, .. } => {
                let step = move |connection: &mut Connection| {
                    let mut statement = connection.prepare_cached(text).map_err(told)?;
                    let changed = statement.execute(params_from_iter(values)).map_err(told)?;
                    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
                };
                writer.run(step).await
            }
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(pool) => crate::pools::sqlite::changed(pool, text, values.iter()).await,
        }
    }

    pub(super) async fn migrate(&self, schema: &'static str) -> Result<(), Failure> {
        match self {
            Self::Lanes { writer, .. } => writer.run(|connection| apply(connection, schema).map_err(told)).await,
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(pool) => crate::pools::sqlite::migrate(pool, schema).await,
        }
    }
}

/// Carries out all of these statements or none.
pub(super) fn apply(connection: &mut Connection, schema: &str) -> rusqlite::Result<()> {
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    step.execute_batch(schema)?;
    step.commit()
}

fn told(error: Error) -> Failure {
    match error.sqlite_error() {
        Some(told) => meaning(told.extended_code, &error.to_string()),
        None => Failure::because(error),
    }
}

impl Cells for Row<'_> {
    fn number(&self, column: usize) -> Option<Option<i64>> {
        self.get_ref(column).ok()?.as_i64_or_null().ok()
    }

    fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
        self.get_ref(column).ok()?.as_bytes_or_null().ok()
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Key(key) => Ok(key.as_bytes().as_slice().into()),
            Self::Number(number) => number.to_sql(),
            Self::Text(text) => Ok(text.as_deref().map_or(rusqlite::types::Null.into(), ToSqlOutput::from)),
        }
    }
}
