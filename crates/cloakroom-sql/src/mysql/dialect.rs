//! The operations that differ in MySQL and MariaDB.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Checkup, EndedPage, StoreError};

use super::checkup::run_checkup;
use super::connections::Connections;
use super::statements::Own;
use crate::query::{Cells, Counts, Executor as _, Failure};
use crate::row::padded;
use crate::store::{Dialect, SqlStore};
use crate::two_statements;
use crate::walks::{STEP, Walk};

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
        walk: Walk,
        now: Timestamp,
    ) -> Result<EndedPage, Failure> {
        let step =
            |rows: usize| two_statements::end_before(store, &store.statements.own.before, point, walk.from, now, rows);
        let step = store.steps.run(STEP, step).await?;
        let next = if step.found > 0 {
            Walk { from: if step.ended < step.found { walk.from } else { step.last() }, is_idle: false }
        } else if step.edge < point {
            Walk { from: step.edge, ..walk }
        } else if walk.is_idle {
            return Ok(EndedPage::default());
        } else {
            // If the server locks only rows and not the gaps between them, a session may have moved
            // to a position that the walk had already passed. The walk ends with a pass that finds
            // no session.
            Walk::START
        };
        Ok(EndedPage::new(usize::try_from(step.ended).unwrap_or(usize::MAX), Some(next.cursor())))
    }

    async fn checkup(store: &SqlStore<Self>) -> Result<Checkup, StoreError> {
        run_checkup(&store.connections, &store.statements.checkup, &store.statements.own.cluster).await
    }
}
