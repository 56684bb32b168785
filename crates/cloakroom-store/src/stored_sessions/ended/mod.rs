//! Waiting for the ends of sessions, for [`Session::ended`](cloakroom_session::Session::ended).
//!
//! A table holds the sessions that requests wait for. One task checks them: when the feed gives a
//! hint, at their deadlines, and periodically. Only the store's answer ends a wait, so a false,
//! repeated or reordered hint costs a load and nothing else. The requests of one session share its
//! loads. Without waiting requests there is no task and no subscription.
//!
//! | file | contents |
//! |---|---|
//! | `table` | the sessions that are waited for, and when to check them |
//! | `checker` | the task that checks them |

mod checker;
mod table;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cloakroom_session::factory::{EndReason, StoreKey};
use cloakroom_session::{Clock, Timestamp};
use tokio::runtime::Handle;

use crate::store::Store;
use checker::Checker;
use table::Table;

/// The default time between two checks of a session without a feed.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// The waiting requests of a factory. It costs nothing before the first of them.
#[derive(Debug, Default)]
pub(super) struct Waits(OnceLock<Arc<Table>>);

impl Waits {
    /// Waits until the session under a key has ended.
    pub(super) async fn until_ended<S: Store>(
        &self,
        checker: impl Fn() -> Checker<S>,
        key: StoreKey,
        deadline: Option<Timestamp>,
        clock: &Arc<dyn Clock>,
    ) -> EndReason {
        // Without a runtime, this panics before anything is recorded.
        let runtime = Handle::current();
        let table = self.0.get_or_init(Arc::default);
        loop {
            let mut wait = Table::enter(table, key, deadline, clock);
            loop {
                if let Some(running) = Table::begin(table) {
                    runtime.spawn(checker().run(running));
                }
                match wait.next().await {
                    Some(Some(why)) => return why,
                    // The task has ended with its runtime.
                    Some(None) => {}
                    None => break,
                }
            }
        }
    }

    /// Returns the number of sessions in the table.
    pub(super) fn len(&self) -> usize {
        self.0.get().map_or(0, |table| table.len())
    }
}

/// Creates the task that checks the sessions of a store.
pub(super) fn checker<S: Store>(store: &Arc<S>, patience: Duration, interval: Duration) -> Checker<S> {
    Checker::new(Arc::clone(store), patience, interval)
}
