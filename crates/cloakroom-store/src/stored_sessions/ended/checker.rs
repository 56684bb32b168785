//! The task that checks the sessions that requests wait for.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cloakroom_session::Clock;
use cloakroom_session::factory::StoreKey;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::super::call::{Operation, call};
use super::table::{Answer, Running, Table, Work};
use crate::feed::{Feed, Listener, Reach};
use crate::store::{Loaded, Store};

/// The time between two checks of a session whose feed is live. A feed announces all ends, so this
/// is a safety net.
const WITH_FEED: Duration = Duration::from_secs(60);

/// The maximum number of concurrent checks, so that a reconnect with many waiting requests doesn't
/// flood the store.
const MOST: usize = 16;

#[derive(Debug)]
pub(in crate::stored_sessions) struct Checker<S> {
    store: Arc<S>,
    patience: Duration,
    interval: Duration,
}

impl<S: Store> Checker<S> {
    pub(super) const fn new(store: Arc<S>, patience: Duration, interval: Duration) -> Self {
        Self { store, patience, interval }
    }

    /// Checks the sessions of a table until no request waits.
    pub(super) async fn run(self, running: Running) {
        let table = running.table();
        let feed = self.store.feed();
        // Subscribed before the first load, so that no end falls between them.
        let listener: Arc<dyn Listener> = Arc::<Table>::clone(table);
        let subscription = feed.as_ref().map(|feed| feed.subscribe(listener));
        let mut checks = JoinSet::new();
        loop {
            let Work::Check(due, next) = table.due(Instant::now(), MOST - checks.len()) else { break };
            for (key, clock) in due {
                let interval = self.interval(feed.as_ref());
                let check = Check { table: Arc::clone(table), key, interval, answer: Answer::Failed };
                checks.spawn(check.run(Arc::clone(&self.store), self.patience, clock));
            }
            let is_full = checks.len() >= MOST;
            let mut woken = pin!(table.wake.notified());
            let mut alarm = pin!(next.filter(|_| !is_full).map(sleep_until));
            poll_fn(|cx| {
                let is_due = alarm.as_mut().as_pin_mut().is_some_and(|alarm| alarm.poll(cx).is_ready());
                let is_woken = !is_full && woken.as_mut().poll(cx).is_ready();
                let is_done = matches!(checks.poll_join_next(cx), Poll::Ready(Some(_)));
                if is_due || is_woken || is_done { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        drop(subscription);
        running.done();
    }

    fn interval(&self, feed: Option<&Feed>) -> Duration {
        let hears_all = feed.is_some_and(|feed| feed.reach() == Reach::AllProcesses && feed.is_live());
        if hears_all { self.interval.max(WITH_FEED) } else { self.interval }
    }
}

/// One check. Its answer is recorded when it is dropped, even if it got none.
struct Check {
    table: Arc<Table>,
    key: StoreKey,
    interval: Duration,
    answer: Answer,
}

impl Check {
    async fn run<S: Store>(mut self, store: Arc<S>, patience: Duration, clock: Arc<dyn Clock>) {
        let now = clock.now();
        self.answer = match call(patience, Operation::Load, Some(&self.key), store.load_latest(&self.key, now)).await {
            Ok(Loaded::Live(_, entry)) if entry.is_expired(now) => Answer::Absent,
            Ok(Loaded::Live(_, entry)) => Answer::Lives(entry.deadline),
            Ok(Loaded::Moved) => Answer::Moved,
            Ok(Loaded::Absent) => Answer::Absent,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(key = ?self.key, error, "a session couldn't be checked for its end");
                Answer::Failed
            }
        };
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.table.answered(self.key, &self.answer, self.interval);
    }
}
