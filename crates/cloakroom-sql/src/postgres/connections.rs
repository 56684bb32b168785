//! The statements of a store, on its own connections or the application's.

use std::sync::Arc;

use cloakroom_store::store::StoreError;

#[cfg(feature = "postgres")]
use super::values::typed;
#[cfg(feature = "postgres")]
use super::wire::Wire;
use crate::lent::Lent;
use crate::query::{Cells, Counts, Executor, Failure, Value, persist};

#[derive(Clone)]
pub(super) enum Connections {
    #[cfg(feature = "postgres")]
    Pool(Arc<Wire>),
    Lent(Lent),
}

impl Connections {
    /// Returns the two columns of a statement's only row.
    pub(super) async fn pair<const N: usize>(
        &self,
        text: &Arc<str>,
        values: &[Value; N],
    ) -> Result<(i64, i64), Failure> {
        let read = |cells: &dyn Cells| {
            let column =
                |index| cells.number(index).ok_or_else(|| StoreError::unavailable("the result has no numbers"));
            Ok((column(0)?.unwrap_or_default(), column(1)?.unwrap_or_default()))
        };
        let mut rows = self.rows(text, values, read).await?;
        rows.pop().ok_or_else(|| Failure::because("the result has no rows"))
    }

    /// Without parameters, all statements of a text run in one transaction.
    pub(super) async fn migrate(&self, schema: &str) -> Result<(), Failure> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Pool(wire) => wire.execute(schema).await,
            Self::Lent(pool) => pool.migrate(schema).await,
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            #[cfg(feature = "postgres")]
            Self::Pool(wire) => wire.connections(),
            Self::Lent(pool) => pool.connections(),
        }
    }
}

impl Executor for Connections {
    type Statement = Arc<str>;
    type Write = Arc<str>;

    async fn rows<T: Send + 'static, const N: usize>(
        &self,
        text: &Arc<str>,
        values: &[Value; N],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure> {
        let read = &read;
        persist(|| async move {
            match self {
                #[cfg(feature = "postgres")]
                Self::Pool(wire) => {
                    let (rows, _) = wire.ask(text, &typed(values)).await?;
                    Ok(rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?)
                }
                Self::Lent(pool) => pool.rows(text, values.iter(), read).await,
            }
        })
        .await
    }

    async fn changed<const N: usize>(&self, text: &Arc<str>, values: &[Value; N]) -> Result<u64, Failure> {
        persist(|| async move {
            match self {
                #[cfg(feature = "postgres")]
                Self::Pool(wire) => wire.ask(text, &typed(values)).await.map(|(_, changed)| changed),
                Self::Lent(pool) => pool.changed(text, values.iter()).await,
            }
        })
        .await
    }

    async fn write<const N: usize>(
        &self,
        write: &Self::Write,
        values: &[Value; N],
        _: usize,
    ) -> Result<Counts, Failure> {
        let (written, found) = self.pair(write, values).await?;
        Ok((u64::try_from(written).unwrap_or_default(), u64::try_from(found).unwrap_or_default()))
    }
}
