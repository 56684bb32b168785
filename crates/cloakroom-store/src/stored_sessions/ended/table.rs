//! The sessions that requests wait for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_session::factory::{EndReason, StoreKey, after_failures, span};
use cloakroom_session::{Clock, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::feed::Listener;
use crate::keyed::Keyed;

/// The time for which a session stays in the table after its last request has stopped waiting. A
/// loop that waits again for each message doesn't cause a load each time.
const LINGER: Duration = Duration::from_secs(5);

/// The longest pause after a failed check.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Table {
    inner: Mutex<Inner>,
    /// Wakes the task.
    pub(super) wake: Notify,
}

#[derive(Default)]
struct Inner {
    watched: Keyed<Watched>,
    /// The next event of each session that isn't being loaded.
    agenda: BTreeSet<(Instant, StoreKey)>,
    is_running: bool,
}

/// A session that requests wait for.
struct Watched {
    told: watch::Sender<Option<EndReason>>,
    waiting: usize,
    clock: Arc<dyn Clock>,
    /// The last known deadline.
    deadline: Option<Timestamp>,
    /// The time of the next check.
    check_at: Instant,
    /// The time at which the session leaves the table, because no request waits for it.
    leaves_at: Option<Instant>,
    progress: Progress,
    failures: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Idle,
    Loading,
    /// A hint has arrived since the load began, so its answer may be too old.
    LoadingHinted,
}

/// The answer to a check.
pub(super) enum Answer {
    Lives(Option<Timestamp>),
    Moved,
    Absent,
    /// The store couldn't be asked.
    Failed,
}

/// The next work of the task.
pub(super) enum Work {
    /// Load these sessions, and look again at this time.
    Check(Vec<(StoreKey, Arc<dyn Clock>)>, Option<Instant>),
    /// No request waits: the task ends.
    Nothing,
}

impl Table {
    /// Adds a waiting request.
    pub(super) fn enter(table: &Arc<Self>, key: StoreKey, deadline: Option<Timestamp>, clock: &Arc<dyn Clock>) -> Wait {
        let told = table.inner().add(key, deadline, clock);
        table.wake.notify_one();
        Wait { table: Arc::clone(table), key, told }
    }

    /// Returns the right to run the task, unless it runs.
    pub(super) fn begin(table: &Arc<Self>) -> Option<Running> {
        let runs = std::mem::replace(&mut table.inner().is_running, true);
        (!runs).then(|| Running { table: Arc::clone(table), is_done: false })
    }

    /// Records that the task has ended early, and wakes the waiting requests to begin a new one.
    fn stopped(&self) {
        let mut inner = self.inner();
        inner.is_running = false;
        inner.check_all();
        inner.watched.values().for_each(|watched| watched.told.send_modify(|_| {}));
    }

    /// Returns the sessions to check now, at most `room`. They count as being loaded.
    pub(super) fn due(&self, now: Instant, room: usize) -> Work {
        let mut inner = self.inner();
        let mut keys = Vec::new();
        while let Some(&(at, key)) = inner.agenda.first()
            && at <= now
            && keys.len() < room
        {
            inner.agenda.pop_first();
            let Some(watched) = inner.watched.get_mut(&key) else { continue };
            if watched.leaves_at.is_some() {
                inner.watched.remove(&key);
                continue;
            }
            watched.progress = Progress::Loading;
            keys.push((key, Arc::clone(&watched.clock)));
        }
        if inner.watched.is_empty() {
            inner.is_running = false;
            return Work::Nothing;
        }
        Work::Check(keys, inner.agenda.first().map(|(at, _)| *at))
    }

    /// Records the answer to a check. A session that lives is checked again after `interval`.
    pub(super) fn answered(&self, key: StoreKey, answer: &Answer, interval: Duration) {
        self.inner().answered(key, answer, interval);
        self.wake.notify_one();
    }

    pub(super) fn len(&self) -> usize {
        self.inner().watched.len()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic leaves at most a session without an event, which a hint or a new request mends.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(
        &mut self,
        key: StoreKey,
        deadline: Option<Timestamp>,
        clock: &Arc<dyn Clock>,
    ) -> watch::Receiver<Option<EndReason>> {
        let now = Instant::now();
        let watched = self.watched.entry(key).or_insert_with(|| Watched {
            told: watch::Sender::new(None),
            waiting: 0,
            clock: Arc::clone(clock),
            deadline,
            check_at: now,
            leaves_at: None,
            progress: Progress::Idle,
            failures: 0,
        });
        watched.waiting += 1;
        let told = watched.told.subscribe();
        self.reschedule(key, |watched| watched.leaves_at = None);
        told
    }

    fn leave(&mut self, key: StoreKey, told: &watch::Receiver<Option<EndReason>>) {
        self.reschedule(key, |watched| {
            // A session that has ended may be waited for anew, under the same key.
            if told.same_channel(&watched.told.subscribe()) {
                watched.waiting = watched.waiting.saturating_sub(1);
                if watched.waiting == 0 {
                    watched.leaves_at = Some(Instant::now() + LINGER);
                }
            }
        });
    }

    fn hint(&mut self, key: StoreKey) {
        self.reschedule(key, |watched| watched.check_soon(Instant::now()));
    }

    fn check_all(&mut self) {
        let now = Instant::now();
        for watched in self.watched.values_mut() {
            watched.check_soon(now);
        }
        let place = |(key, watched): (&StoreKey, &Watched)| watched.place().map(|at| (at, *key));
        self.agenda = self.watched.iter().filter_map(place).collect();
    }

    fn answered(&mut self, key: StoreKey, answer: &Answer, interval: Duration) {
        let now = Instant::now();
        let Some(watched) = self.watched.get_mut(&key) else { return };
        let time = watched.clock.now();
        let why = match answer {
            Answer::Lives(deadline) => {
                watched.deadline = *deadline;
                None
            }
            Answer::Moved => Some(EndReason::Moved),
            Answer::Absent if watched.is_expired(time) => Some(EndReason::Expired),
            Answer::Absent => Some(EndReason::Gone),
            Answer::Failed => None,
        };
        if let Some(why) = why {
            watched.told.send_replace(Some(why));
            self.watched.remove(&key);
            return;
        }
        let was_hinted = watched.progress == Progress::LoadingHinted;
        let is_failed = matches!(answer, Answer::Failed);
        watched.failures = if is_failed { watched.failures.saturating_add(1) } else { 0 };
        let pause = match watched.deadline {
            _ if is_failed => after_failures(watched.failures, LONGEST_PAUSE.min(interval)),
            _ if was_hinted => Duration::ZERO,
            Some(deadline) => span(time, deadline).min(interval),
            None => interval,
        };
        self.reschedule(key, |watched| {
            watched.progress = Progress::Idle;
            watched.check_at = now + pause;
        });
    }

    /// Changes a session, and moves it to its new place in the agenda.
    fn reschedule(&mut self, key: StoreKey, change: impl FnOnce(&mut Watched)) {
        let Some(watched) = self.watched.get_mut(&key) else { return };
        let before = watched.place();
        change(watched);
        let after = watched.place();
        if let Some(at) = before {
            self.agenda.remove(&(at, key));
        }
        if let Some(at) = after {
            self.agenda.insert((at, key));
        }
    }
}

impl Watched {
    /// Returns the time of the next event; `None` while it is being loaded.
    fn place(&self) -> Option<Instant> {
        (self.progress == Progress::Idle).then(|| self.leaves_at.unwrap_or(self.check_at))
    }

    fn check_soon(&mut self, now: Instant) {
        match self.progress {
            Progress::Idle => self.check_at = self.check_at.min(now),
            Progress::Loading | Progress::LoadingHinted => self.progress = Progress::LoadingHinted,
        }
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }
}

impl Listener for Table {
    fn changed(&self, key: &StoreKey) {
        let mut inner = self.inner();
        if inner.watched.contains_key(key) {
            inner.hint(*key);
            drop(inner);
            self.wake.notify_one();
        }
    }

    fn all_changed(&self) {
        self.inner().check_all();
        self.wake.notify_one();
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("sessions", &self.len()).finish()
    }
}

/// The right to run the task. If it is dropped early, for example with its runtime, another task
/// begins.
pub(super) struct Running {
    table: Arc<Table>,
    is_done: bool,
}

impl Running {
    pub(super) const fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Records that there was [nothing](Work::Nothing) left to do.
    pub(super) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_done {
            self.table.stopped();
        }
    }
}

/// A waiting request. It leaves the table when it is dropped.
pub(super) struct Wait {
    table: Arc<Table>,
    key: StoreKey,
    told: watch::Receiver<Option<EndReason>>,
}

impl Wait {
    /// Waits for the next event: the end of the session, or `Some(None)` if the task has ended.
    /// `None` means that the session left the table without an answer.
    pub(super) async fn next(&mut self) -> Option<Option<EndReason>> {
        let told = *self.told.borrow_and_update();
        if told.is_some() {
            return Some(told);
        }
        let changed = self.told.changed().await;
        let told = *self.told.borrow_and_update();
        (changed.is_ok() || told.is_some()).then_some(told)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.table.inner().leave(self.key, &self.told);
        self.table.wake.notify_one();
    }
}
