//! Operations in two statements, for SQLite, MySQL and MariaDB.
//!
//! In PostgreSQL one statement can write some rows and report on others. These databases need
//! another statement for that.

use cloakroom_session::Timestamp;

use crate::query::{Counts, Executor, Failure, Value};
use crate::store::{Dialect, SqlStore};
use crate::walks::{self, Step};

/// A write, and a query for the rows that the write should have written.
pub(crate) struct TwoStatements<S> {
    pub(crate) write: S,
    pub(crate) query: Option<S>,
}

impl<S> TwoStatements<S> {
    /// Runs the write, and then the query if the write wrote fewer than `most` rows.
    pub(crate) async fn run<const N: usize>(
        &self,
        executor: &impl Executor<Statement = S>,
        values: &[Value; N],
        most: usize,
    ) -> Result<Counts, Failure> {
        let written = executor.changed(&self.write, values).await?;
        let is_enough = usize::try_from(written).is_ok_and(|written| written >= most);
        let left = match &self.query {
            Some(query) if !is_enough => executor.rows(query, values, |_| Ok(())).await?.len(),
            _ => 0,
        };
        Ok((written, written.saturating_add(u64::try_from(left).unwrap_or(u64::MAX))))
    }
}

/// Sets `sweep_at` of the live rows with `live_on`, and then deletes the expired ones.
pub(crate) async fn sweep<D: Dialect>(
    store: &SqlStore<D>,
    live_on: &D::Statement,
    now: Timestamp,
    limit: usize,
    most: usize,
) -> Result<Counts, Failure> {
    let live_on = store.connections.changed(live_on, &[now.into(), limit.into()]).await?;
    let gone = store.connections.changed(&store.statements.sweep, &[now.into(), most.into()]).await?;
    Ok((gone, live_on + gone))
}

/// Finds some sessions with `before`, and ends them.
pub(crate) async fn end_before<D: Dialect>(
    store: &SqlStore<D>,
    before: &D::Statement,
    point: Timestamp,
    from: Timestamp,
    now: Timestamp,
    rows: usize,
) -> Result<Step, Failure> {
    let edge = store.edge(&store.connections, point, from, rows).await?;
    let values = [edge.into(), now.into(), from.into(), rows.into()];
    let found = store.connections.rows(before, &values, walks::found).await?.pop().unwrap_or_default();
    let found = Step { edge, ..found };
    if found.found == 0 {
        return Ok(found);
    }
    let ended = store.connections.changed(&store.statements.end_before, &values).await?;
    Ok(Step { ended, ..found })
}
