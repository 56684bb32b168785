//! The operations that differ in PostgreSQL: each is one statement.

use cloakroom_session::Timestamp;
use cloakroom_store::store::{Checkup, EndedPage, StoreError};

use super::checkup::run_checkup;
use super::connections::Connections;
use super::statements::Own;
use crate::query::{Cells, Counts, Executor as _, Failure};
use crate::store::{Dialect, SqlStore};
use crate::walks::{STEP, Step, Walk};

impl Dialect for Connections {
    type Own = Own;

    async fn sweep(store: &SqlStore<Self>, now: Timestamp, limit: usize, most: usize) -> Result<Counts, Failure> {
        let step = |rows: usize| async move {
            let values = [now.into(), rows.into(), most.min(rows).into()];
            store.patient.write(&store.statements.sweep, &values, rows).await
        };
        store.steps.run(limit, step).await
    }

    async fn end_before(
        store: &SqlStore<Self>,
        point: Timestamp,
        Walk { from, .. }: Walk,
        now: Timestamp,
    ) -> Result<EndedPage, Failure> {
        let step = |rows: usize| async move {
            let edge = store.edge(&store.patient, point, from, rows).await?;
            let read = move |cells: &dyn Cells| {
                let count = |column| cells.number(column).flatten().unwrap_or_default().unsigned_abs();
                Ok(Step { ended: count(0), found: count(1), last: cells.number(2).flatten(), edge })
            };
            let values = [edge.into(), now.into(), from.into(), rows.into()];
            let step = store.patient.rows(&store.statements.end_before, &values, read).await?.pop();
            Ok(step.unwrap_or_default().page(from, point, rows))
        };
        store.steps.run(STEP, step).await
    }

    async fn checkup(store: &SqlStore<Self>) -> Result<Checkup, StoreError> {
        run_checkup(&store.connections, &store.statements.checkup).await
    }
}
