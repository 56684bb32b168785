//! The connections to an SQLite file.

use std::sync::Arc;

use cloakroom_store::store::StoreError;
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, Row, params_from_iter};

use super::connection_threads::ConnectionThreads;
use super::failure::to_failure;
use super::migrate::apply;
use super::open::tidy;
use super::statements::Statements;
use crate::query::{Cells, Counts, Executor, Failure, Value};
use crate::two_statements::TwoStatements;

#[derive(Clone, Debug)]
pub(super) enum Connections {
    Threads {
        writer: ConnectionThreads,
        readers: ConnectionThreads,
        /// Opened by this crate, with its own options.
        is_ours: bool,
    },
    #[cfg(feature = "sqlx-sqlite")]
    Sqlx(crate::pools::Metered<sqlx::Sqlite>),
}

impl Connections {
    /// Runs a checkpoint, on connections of this crate.
    pub(super) async fn checkpoint(&self) -> Result<(), Failure> {
        match self {
            Self::Threads { writer, is_ours: true, .. } => {
                writer.run(|connection| tidy(connection).map_err(to_failure)).await
            }
            Self::Threads { .. } => Ok(()),
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(_) => Ok(()),
        }
    }

    pub(super) async fn migrate(&self, statements: &Arc<Statements>) -> Result<(), Failure> {
        match self {
            Self::Threads { writer, .. } => {
                let statements = Arc::clone(statements);
                writer.run(move |connection| apply(connection, &statements).map_err(to_failure)).await
            }
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(pool) => {
                if !self.rows(&statements.own.state, &[], |_| Ok(())).await?.is_empty() {
                    match crate::pools::sqlite::migrate(pool, &statements.own.add_column).await {
                        // Another process was faster.
                        Err(Failure::Refused(why)) if why.to_string().contains("duplicate column") => {}
                        answer => answer?,
                    }
                }
                crate::pools::sqlite::migrate(pool, &statements.own.schema).await
            }
        }
    }
}

impl Executor for Connections {
    type Statement = Arc<str>;
    type Write = TwoStatements<Arc<str>>;

    async fn rows<T: Send + 'static, const N: usize>(
        &self,
        text: &Arc<str>,
        values: &[Value; N],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure> {
        match self {
            Self::Threads { readers, .. } => {
                let (text, values) = (Arc::clone(text), values.clone());
                let step = move |connection: &mut Connection| {
                    let mut statement = connection.prepare_cached(&text).map_err(to_failure)?;
                    let values = values.into_iter().take(statement.parameter_count());
                    let mut rows = statement.query(params_from_iter(values)).map_err(to_failure)?;
                    let mut answers = Vec::new();
                    while let Some(row) = rows.next().map_err(to_failure)? {
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

    async fn changed<const N: usize>(&self, text: &Arc<str>, values: &[Value; N]) -> Result<u64, Failure> {
        match self {
            Self::Threads { writer, .. } => {
                let (text, values) = (Arc::clone(text), values.clone());
                let step = move |connection: &mut Connection| {
                    let mut statement = connection.prepare_cached(&text).map_err(to_failure)?;
                    let changed = statement.execute(params_from_iter(values)).map_err(to_failure)?;
                    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
                };
                writer.run(step).await
            }
            #[cfg(feature = "sqlx-sqlite")]
            Self::Sqlx(pool) => crate::pools::sqlite::changed(pool, text, values.iter()).await,
        }
    }

    async fn write<const N: usize>(
        &self,
        write: &Self::Write,
        values: &[Value; N],
        most: usize,
    ) -> Result<Counts, Failure> {
        write.run(self, values, most).await
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
