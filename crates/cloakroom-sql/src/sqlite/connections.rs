//! The connections to an SQLite file.

use std::sync::Arc;

use cloakroom_store::store::StoreError;

use super::statements::Statements;
#[cfg(feature = "sqlite")]
use super::threads::Threads;
use crate::lent::Lent;
use crate::query::{Cells, Counts, Executor, Failure, Value};
use crate::two_statements::TwoStatements;

#[derive(Clone, Debug)]
pub(super) enum Connections {
    #[cfg(feature = "sqlite")]
    Threads(Threads),
    Lent(Lent),
}

impl Connections {
    /// Runs a checkpoint, on connections of this crate.
    #[cfg_attr(not(feature = "sqlite"), expect(clippy::unused_async, reason = "only threads have anything to do"))]
    pub(super) async fn checkpoint(&self) -> Result<(), Failure> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Threads(threads) => threads.checkpoint().await,
            Self::Lent(_) => Ok(()),
        }
    }

    pub(super) async fn migrate(&self, statements: &Arc<Statements>) -> Result<(), Failure> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Threads(threads) => threads.migrate(statements).await,
            Self::Lent(pool) => {
                if !self.rows(&statements.own.state, &[], |_| Ok(())).await?.is_empty() {
                    match pool.migrate(&statements.own.add_column).await {
                        // Another process was faster.
                        Err(Failure::Refused(why)) if why.to_string().contains("duplicate column") => {}
                        answer => answer?,
                    }
                }
                pool.migrate(&statements.own.schema).await
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
            #[cfg(feature = "sqlite")]
            Self::Threads(threads) => threads.rows(text, values, read).await,
            Self::Lent(pool) => pool.rows(text, values.iter(), read).await,
        }
    }

    async fn changed<const N: usize>(&self, text: &Arc<str>, values: &[Value; N]) -> Result<u64, Failure> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Threads(threads) => threads.changed(text, values).await,
            Self::Lent(pool) => pool.changed(text, values.iter()).await,
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
