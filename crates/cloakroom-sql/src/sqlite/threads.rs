//! The statements of a store on connections of this crate, or on the application's own connection.

use std::sync::Arc;

use cloakroom_store::store::StoreError;
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, Row, params_from_iter};

use super::connection_threads::ConnectionThreads;
use super::failure::to_failure;
use super::migrate::apply;
use super::open::tidy;
use super::statements::Statements;
use crate::query::{Cells, Failure, Value};

/// Connections to a file, each on its own thread.
#[derive(Clone, Debug)]
pub(super) struct Threads {
    pub(super) writer: ConnectionThreads,
    pub(super) readers: ConnectionThreads,
    /// Opened by this crate, with its own options.
    pub(super) is_ours: bool,
}

impl Threads {
    /// Runs a checkpoint, on connections of this crate.
    pub(super) async fn checkpoint(&self) -> Result<(), Failure> {
        if !self.is_ours {
            return Ok(());
        }
        self.writer.run(|connection| tidy(connection).map_err(to_failure)).await
    }

    pub(super) async fn migrate(&self, statements: &Arc<Statements>) -> Result<(), Failure> {
        let statements = Arc::clone(statements);
        self.writer.run(move |connection| apply(connection, &statements).map_err(to_failure)).await
    }

    pub(super) async fn rows<T: Send + 'static, const N: usize>(
        &self,
        text: &Arc<str>,
        values: &[Value; N],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure> {
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
        self.readers.run(step).await
    }

    pub(super) async fn changed<const N: usize>(&self, text: &Arc<str>, values: &[Value; N]) -> Result<u64, Failure> {
        let (text, values) = (Arc::clone(text), values.clone());
        let step = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(&text).map_err(to_failure)?;
            let changed = statement.execute(params_from_iter(values)).map_err(to_failure)?;
            Ok(u64::try_from(changed).unwrap_or(u64::MAX))
        };
        self.writer.run(step).await
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
