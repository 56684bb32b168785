//! The connections to an SQLite file.

use std::sync::Arc;

use cloakroom_store::StoreError;
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, Error, Row, TransactionBehavior, params_from_iter};

use super::lane::Lane;
use super::open::tidy;
use super::{Statements, meaning};
use crate::link::{Cells, Failure, Value};

#[derive(Clone, Debug)]
pub(super) enum Link {
    Lanes {
        writer: Lane,
        readers: Lane,
        /// Opened by this crate, with its own options.
        is_ours: bool,
    },
    #[cfg(feature = "sqlx-sqlite")]
    Sqlx(crate::pools::Metered<sqlx::Sqlite>),
}

impl Link {
    pub(super) async fn rows<T: Send + 'static, const N: usize>(
        &self,
        text: &Arc<str>,
        values: [Value; N],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure> {
        match self {
            Self::Lanes { readers, .. } => {
                let text = Arc::clone(text);
                let step = move |connection: &mut Connection| {
                    let mut statement = connection.prepare_cached(&text).map_err(told)?;
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

    pub(super) async fn changed<const N: usize>(&self, text: &Arc<str>, values: [Value; N]) -> Result<u64, Failure> {
        match self {
            Self::Lanes { writer, .. } => {
                let text = Arc::clone(text);
                let step = move |connection: &mut Connection| {
                    let mut statement = connection.prepare_cached(&text).map_err(told)?;
                    let changed = statement.execute(params_from_iter(values)).map_err(told)?;
                    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
                };
                writer.run(step).await
            }
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(pool) => crate::pools::sqlite::changed(pool, text, values.iter()).await,
        }
    }

    /// Runs after each sweep.
    pub(super) async fn tidy(&self) -> Result<(), Failure> {
        match self {
            Self::Lanes { writer, is_ours: true, .. } => writer.run(|connection| tidy(connection).map_err(told)).await,
            Self::Lanes { .. } => Ok(()),
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(_) => Ok(()),
        }
    }

    pub(super) async fn migrate(&self, words: &Arc<Statements>) -> Result<(), Failure> {
        match self {
            Self::Lanes { writer, .. } => {
                let words = Arc::clone(words);
                writer.run(move |connection| apply(connection, &words).map_err(told)).await
            }
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(pool) => {
                if !self.rows(&words.state, [], |_| Ok(())).await?.is_empty() {
                    match crate::pools::sqlite::migrate(pool, &words.add_column).await {
                        // Another process was faster.
                        Err(Failure::Refused(why)) if why.to_string().contains("duplicate column") => {}
                        answer => answer?,
                    }
                }
                crate::pools::sqlite::migrate(pool, &words.schema).await
            }
        }
    }
}

/// Returns a row if the table has the form of an earlier release.
pub(super) const STATE: &str = "SELECT 1 FROM {schema}sqlite_schema WHERE type = 'table' AND name = '{name}' \
    AND NOT EXISTS (SELECT 1 FROM pragma_table_info('{name}') WHERE name = 'sweep_at')";

/// The first sweeps visit its rows, a few at a time.
pub(super) const ADD_COLUMN: &str = "ALTER TABLE {table} ADD COLUMN sweep_at INTEGER DEFAULT 0";

/// Creates or upgrades the table in one transaction.
pub(super) fn apply(connection: &mut Connection, words: &Statements) -> rusqlite::Result<()> {
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if step.prepare(&words.state)?.exists([])? {
        step.execute_batch(&words.add_column)?;
    }
    step.execute_batch(&words.schema)?;
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
