//! Statements on the connections to a PostgreSQL database.

use std::pin::pin;
use std::sync::Arc;

use bytes::BytesMut;
use cloakroom_store::StoreError;
use deadpool_postgres::Pool;
use futures_util::TryStreamExt as _;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Row, RowStream};

use super::connect::{Connected, connect};
use super::lease::{Canceller, Lease, Lender};
use super::prepared::Prepared;
use super::told;
use crate::link::{Cells, Failure, Unprepared, Value, persist};

#[derive(Clone)]
pub(super) enum Link {
    Pool(Arc<Wire>),
    #[cfg(feature = "sqlx-postgres")]
    Sqlx(sqlx::PgPool),
}

impl Link {
    /// For requests, and for what takes long.
    pub(super) fn connect(url: &str) -> Result<(Self, Self), StoreError> {
        let Connected { brief, patient, canceller, prepared } = connect(url)?;
        let wire = |pool| Self::Pool(Arc::new(Wire::new(pool, canceller.clone(), prepared.clone())));
        Ok((wire(brief), wire(patient)))
    }

    /// On a pool that the application has.
    pub(super) fn from_pool(pool: Pool) -> Self {
        Self::Pool(Arc::new(Wire::new(pool, Canceller::Plain, Prepared::default())))
    }

    pub(super) async fn rows<T>(
        &self,
        text: &'static str,
        values: &[Value],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, Failure> {
        let read = &read;
        persist(|| async move {
            match self {
                Self::Pool(wire) => {
                    let (rows, _) = wire.ask(text, values).await?;
                    Ok(rows.iter().map(|row| read(row)).collect::<Result<_, _>>()?)
                }
                #[cfg(feature = "sqlx-postgres")]
                Self::Sqlx(pool) => crate::pools::postgres::rows(pool, text, values.iter(), read).await,
            }
        })
        .await
    }

    pub(super) async fn changed(&self, text: &'static str, values: &[Value]) -> Result<u64, Failure> {
        persist(|| async move {
            match self {
                Self::Pool(wire) => wire.ask(text, values).await.map(|(_, changed)| changed),
                #[cfg(feature = "sqlx-postgres")]
                Self::Sqlx(pool) => crate::pools::postgres::changed(pool, text, values.iter()).await,
            }
        })
        .await
    }

    /// Without parameters, all statements of a text are one transaction.
    pub(super) async fn migrate(&self, schema: &'static str) -> Result<(), Failure> {
        match self {
            Self::Pool(wire) => {
                let mut lease = wire.lender.lend().await?;
                let done = lease.owing()?.batch_execute(schema).await;
                lease.answered();
                done.map_err(told)
            }
            #[cfg(feature = "sqlx-postgres")]
            Self::Sqlx(pool) => crate::pools::postgres::migrate(pool, schema).await,
        }
    }

    pub(super) fn connections(&self) -> usize {
        match self {
            Self::Pool(wire) => wire.lender.pool.status().size,
            #[cfg(feature = "sqlx-postgres")]
            Self::Sqlx(pool) => usize::try_from(pool.size()).unwrap_or(usize::MAX),
        }
    }
}

/// Connections, and how statements are told to them.
pub(super) struct Wire {
    lender: Arc<Lender>,
    prepared: Prepared,
}

impl Wire {
    fn new(pool: Pool, canceller: Canceller, prepared: Prepared) -> Self {
        Self { lender: Arc::new(Lender::new(pool, canceller)), prepared }
    }

    /// The rows of the answer, and how many rows were changed or returned.
    async fn ask(&self, text: &str, values: &[Value]) -> Result<(Vec<Row>, u64), Failure> {
        let mut lease = self.lender.lend().await?;
        if !self.prepared.is_wanted() {
            return whole(&mut lease, text, values).await;
        }
        match prepared(&mut lease, text, values).await {
            Err(Failure::Unprepared(why, _)) if self.prepared.gives_way(why) => {
                // The whole statement at once: nothing else can be run in its place.
                whole(&mut lease, text, values).await
            }
            Err(Failure::Unprepared(Unprepared::Forgotten | Unprepared::Outdated, _)) => {
                prepared(&mut lease, text, values).await
            }
            answer => answer,
        }
    }
}

/// Prepares a statement unless the connection has it, and sends its values.
async fn prepared(lease: &mut Lease, text: &str, values: &[Value]) -> Result<(Vec<Row>, u64), Failure> {
    let client = lease.owing()?;
    let answer = async {
        let statement = client.prepare_cached(text).await?;
        collected(client.query_raw(&statement, values).await?).await
    };
    let answer = answer.await.map_err(told);
    if matches!(answer, Err(Failure::Unprepared(..))) {
        client.statement_cache.clear();
    }
    lease.answered();
    answer
}

/// Sends a statement and its values in one message.
async fn whole(lease: &mut Lease, text: &str, values: &[Value]) -> Result<(Vec<Row>, u64), Failure> {
    let client = lease.owing()?;
    let typed = values.iter().map(|value| (value, value.kind()));
    let answer = async { collected(client.query_typed_raw(text, typed).await?).await };
    let answer = answer.await.map_err(told);
    lease.answered();
    answer
}

async fn collected(stream: RowStream) -> Result<(Vec<Row>, u64), tokio_postgres::Error> {
    let mut stream = pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(row);
    }
    Ok((rows, stream.rows_affected().unwrap_or_default()))
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
    /// What it is where the statement doesn't say.
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
            // A limit: what is beyond two thousand millions is brought back to there.
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
