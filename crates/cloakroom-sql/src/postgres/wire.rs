//! Statements on borrowed connections.

use std::pin::pin;
use std::sync::Arc;

use deadpool_postgres::Pool;
use futures_util::TryStreamExt as _;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, RowStream};

use super::cancel::Canceller;
use super::failure::to_failure;
use super::lease::{Lease, Lender};
use super::prepared::Prepared;
use crate::query::{Failure, Unprepared};

/// A value, and its type for a statement that is sent whole.
pub(super) type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

/// Connections, and the way in which statements are sent on them.
pub(super) struct Wire {
    lender: Arc<Lender>,
    prepared: Prepared,
}

impl Wire {
    pub(super) fn new(pool: Pool, canceller: Canceller, prepared: Prepared) -> Self {
        Self { lender: Arc::new(Lender::new(pool, canceller)), prepared }
    }

    /// Runs statements without values in one transaction.
    pub(super) async fn execute(&self, text: &str) -> Result<(), Failure> {
        let mut lease = self.lender.lend().await?;
        let done = lease.owing()?.batch_execute(text).await;
        lease.answered();
        done.map_err(to_failure)
    }

    pub(super) fn connections(&self) -> usize {
        self.lender.pool.status().size
    }

    /// Runs a statement. Returns its rows, and the number of rows changed or returned.
    pub(super) async fn ask(&self, text: &str, values: &[Typed<'_>]) -> Result<(Vec<Row>, u64), Failure> {
        let mut lease = self.lender.lend().await?;
        if !self.prepared.is_wanted() {
            return whole(&mut lease, text, values).await;
        }
        match prepared(&mut lease, text, values).await {
            Err(Failure::Unprepared(why, _)) if self.prepared.gives_way(why) => {
                // Send this statement whole: then no other statement can run under its name.
                whole(&mut lease, text, values).await
            }
            Err(Failure::Unprepared(Unprepared::Forgotten | Unprepared::Outdated, _)) => {
                prepared(&mut lease, text, values).await
            }
            answer => answer,
        }
    }
}

/// Prepares a statement unless the connection already has it, and sends its values.
async fn prepared(lease: &mut Lease, text: &str, values: &[Typed<'_>]) -> Result<(Vec<Row>, u64), Failure> {
    let client = lease.owing()?;
    let answer = async {
        let statement = client.prepare_cached(text).await?;
        collected(client.query_raw(&statement, values.iter().map(|(value, _)| *value)).await?).await
    };
    let answer = answer.await.map_err(to_failure);
    if matches!(answer, Err(Failure::Unprepared(..))) {
        client.statement_cache.clear();
    }
    lease.answered();
    answer
}

/// Sends a statement and its values in one message.
async fn whole(lease: &mut Lease, text: &str, values: &[Typed<'_>]) -> Result<(Vec<Row>, u64), Failure> {
    let client = lease.owing()?;
    let values = values.iter().map(|(value, kind)| (*value, kind.clone()));
    let answer = async { collected(client.query_typed_raw(text, values).await?).await };
    let answer = answer.await.map_err(to_failure);
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
