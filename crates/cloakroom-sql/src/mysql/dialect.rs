//! The operations that differ in MySQL and MariaDB.

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::{Checkup, EndedPage, StoreError};

use super::checkup::run_checkup;
use super::connections::Connections;
use super::statements::Own;
use crate::query::{Cells, Counts, Executor as _, Failure};
use crate::row::padded;
use crate::store::{Dialect, SqlStore};
use crate::two_statements;
use crate::walks::{STEP, place};

/// An end gives up after this many moves, or after this many sessions without a tombstone.
const MOST_MOVES: usize = 100;

impl Dialect for Connections {
    type Own = Own;

    async fn end(store: &SqlStore<Self>, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let SqlStore { statements, connections, .. } = store;
        let moved = |cells: &dyn Cells| Ok(cells.bytes(0).flatten().map(padded));
        let mut key = *key;
        // A chain of tombstones is as long as the number of sign-ins within one grace period. A
        // ring would be damage.
        for _ in 0..MOST_MOVES {
            let values = [(&key).into(), now.into()];
            if connections.changed(&statements.end.write, &values).await? > 0 {
                return Ok(true);
            }
            match connections.rows(&statements.own.moved, &values, moved).await?.pop() {
                None => return Ok(false),
                // A session without a tombstone appeared in between: try again.
                Some(None) => {}
                Some(Some((moved_to, true))) => key = moved_to,
                Some(Some((_, false))) => return Err(StoreError::corrupt(key)),
            }
        }
        Err(StoreError::unavailable("the session kept moving to new keys"))
    }

    async fn sweep(store: &SqlStore<Self>, now: Timestamp, limit: usize, most: usize) -> Result<Counts, Failure> {
        two_statements::sweep(store, &store.statements.own.live_on, now, limit, most).await
    }

    async fn end_before(
        store: &SqlStore<Self>,
        point: Timestamp,
        mut from: Timestamp,
        now: Timestamp,
    ) -> Result<EndedPage, Failure> {
        loop {
            let step = |rows: usize| async move {
                let values = [point.into(), now.into(), from.into(), rows.into()];
                two_statements::end_before(store, &store.statements.own.before, &values).await
            };
            let step = store.steps.run(STEP, step).await?;
            if step.found > 0 {
                // The walk ends at the step that finds nothing.
                let next = if step.ended < step.found { from } else { step.last() };
                return Ok(EndedPage::new(usize::try_from(step.ended).unwrap_or(usize::MAX), Some(place(next))));
            }
            // If the server locks only rows and not the gaps between them, a session may have moved
            // to a position that the server had already passed.
            if from.unix_millis() == 0 {
                return Ok(EndedPage::default());
            }
            from = Timestamp::from_unix_millis(0);
        }
    }

    async fn checkup(store: &SqlStore<Self>) -> Result<Checkup, StoreError> {
        run_checkup(&store.connections, &store.statements.checkup, &store.statements.own.cluster).await
    }
}
