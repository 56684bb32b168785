//! The operations that differ in SQLite.

use cloakroom_session::Timestamp;
use cloakroom_store::store::{Checkup, EndedPage, StoreError};

use super::checkup::run_checkup;
use super::connections::Connections;
use super::statements::Own;
use crate::query::{Counts, Failure};
use crate::store::{Dialect, SqlStore};
use crate::two_statements;
use crate::walks::{PAUSE, STEP_OF_A_FILE, Walk};

impl Dialect for Connections {
    type Own = Own;

    async fn sweep(store: &SqlStore<Self>, now: Timestamp, limit: usize, most: usize) -> Result<Counts, Failure> {
        two_statements::sweep(store, &store.statements.own.live_on, now, limit, most).await
    }

    async fn tidy(&self) -> Result<(), Failure> {
        self.checkpoint().await
    }

    async fn end_before(
        store: &SqlStore<Self>,
        point: Timestamp,
        walk: Walk,
        now: Timestamp,
    ) -> Result<EndedPage, Failure> {
        let before = &store.statements.own.before;
        let step = two_statements::end_before(store, before, point, walk.from, now, STEP_OF_A_FILE).await?;
        let page = step.page(walk.from, point, STEP_OF_A_FILE);
        if page.next.is_some() {
            // Writers of other processes poll for the lock: without a pause they would rarely find
            // the file free.
            tokio::time::sleep(PAUSE).await;
        }
        Ok(page)
    }

    async fn checkup(store: &SqlStore<Self>) -> Result<Checkup, StoreError> {
        run_checkup(&store.connections, &store.statements.checkup).await
    }
}
