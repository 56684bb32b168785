//! The connections to a MySQL or MariaDB database.

use cloakroom_store::store::StoreError;

use super::statements::Statement;
#[cfg(feature = "mysql")]
use super::wire::Wire;
use crate::lent::Lent;
use crate::query::{Cells, Counts, Executor, Failure, Value, persist};
use crate::two_statements::TwoStatements;

#[derive(Clone)]
pub(super) enum Connections {
    #[cfg(feature = "mysql")]
    Pool(Wire),
    Lent(Lent),
}

impl Connections {
    pub(super) async fn migrate(&self, schema: &str) -> Result<(), Failure> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Pool(wire) => wire.execute(schema).await,
            Self::Lent(pool) => pool.migrate(schema).await,
        }
    }
}

impl Executor for Connections {
    type Statement = Statement;
    type Write = TwoStatements<Statement>;

    async fn rows<T: Send + 'static, const N: usize>(
        &self,
        statement: &Statement,
        values: &[Value; N],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure> {
        let read = &read;
        persist(|| async move {
            match self {
                #[cfg(feature = "mysql")]
                Self::Pool(wire) => {
                    let rows = wire.rows(statement, values).await?;
                    Ok(rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?)
                }
                Self::Lent(pool) => pool.rows(statement.text(), statement.places(values), read).await,
            }
        })
        .await
    }

    /// Returns the number of rows changed, or found and left unchanged: drivers differ in which of
    /// these they count.
    async fn changed<const N: usize>(&self, statement: &Statement, values: &[Value; N]) -> Result<u64, Failure> {
        persist(|| async move {
            match self {
                #[cfg(feature = "mysql")]
                Self::Pool(wire) => wire.changed(statement, values).await,
                Self::Lent(pool) => pool.changed(statement.text(), statement.places(values)).await,
            }
        })
        .await
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
