//! The statements of a store, on its own connections or the application's.

use std::sync::Arc;

use bytes::BytesMut;
use cloakroom_store::store::StoreError;
use deadpool_postgres::Pool;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::cancel::Canceller;
use super::connect::{Connected, connect};
use super::prepared::Prepared;
use super::wire::{Typed, Wire};
use crate::query::{Cells, Counts, Executor, Failure, Value, persist};

#[derive(Clone)]
pub(super) enum Connections {
    Pool(Arc<Wire>),
    #[cfg(feature = "sqlx-postgres")]
    Sqlx(crate::pools::Metered<sqlx::Postgres>),
}

impl Connections {
    /// Returns the connections for requests and those for long-running work.
    pub(super) fn connect(url: &str) -> Result<(Self, Self), StoreError> {
        let Connected { brief, patient, canceller, prepared } = connect(url)?;
        let wire = |pool| Self::Pool(Arc::new(Wire::new(pool, canceller.clone(), prepared.clone())));
        Ok((wire(brief), wire(patient)))
    }

    /// Uses the application's own pool.
    pub(super) fn from_pool(pool: Pool) -> Self {
        Self::Pool(Arc::new(Wire::new(pool, Canceller::Driver, Prepared::default())))
    }

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
            Self::Pool(wire) => wire.execute(schema).await,
            #[cfg(feature = "sqlx-postgres")]
            Self::Sqlx(pool) => crate::pools::postgres::migrate(pool, schema).await,
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Self::Pool(wire) => wire.connections(),
            #[cfg(feature = "sqlx-postgres")]
            Self::Sqlx(pool) => usize::try_from(pool.pool.size()).unwrap_or(usize::MAX),
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
                Self::Pool(wire) => {
                    let (rows, _) = wire.ask(text, &typed(values)).await?;
                    Ok(rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?)
                }
                #[cfg(feature = "sqlx-postgres")]
                Self::Sqlx(pool) => crate::pools::postgres::rows(pool, text, values.iter(), read).await,
            }
        })
        .await
    }

    async fn changed<const N: usize>(&self, text: &Arc<str>, values: &[Value; N]) -> Result<u64, Failure> {
        persist(|| async move {
            match self {
                Self::Pool(wire) => wire.ask(text, &typed(values)).await.map(|(_, changed)| changed),
                #[cfg(feature = "sqlx-postgres")]
                Self::Sqlx(pool) => crate::pools::postgres::changed(pool, text, values.iter()).await,
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

fn typed(values: &[Value]) -> Vec<Typed<'_>> {
    values.iter().map(|value| (value as _, value.kind())).collect()
}

impl Cells for Row {
    fn number(&self, column: usize) -> Option<Option<i64>> {
        self.try_get(column).ok()
    }

    fn bytes(&self, column: usize) -> Option<Option<&[u8]>> {
        self.try_get(column).ok()
    }
}

impl Value {
    /// Returns the type to send if the statement doesn't imply one.
    fn kind(&self) -> Type {
        match self {
            Self::Key(_) | Self::Text(_) => Type::BYTEA,
            Self::Number(_) => Type::INT8,
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Key(key) => key.as_bytes().as_slice().to_sql_checked(kind, out),
            // A limit: values beyond the range of the type are clamped.
            Self::Number(Some(number)) if *kind == Type::INT4 => {
                i32::try_from(*number).unwrap_or(i32::MAX).to_sql_checked(kind, out)
            }
            Self::Number(number) => number.to_sql_checked(kind, out),
            Self::Text(text) => text.as_deref().map(str::as_bytes).to_sql_checked(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::INT4, Type::INT8].contains(kind)
    }

    to_sql_checked!();
}
