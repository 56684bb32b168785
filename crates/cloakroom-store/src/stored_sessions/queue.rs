//! Work queues for each session, inside this process. One task works for all that wait.
//!
//! The first task of a session takes the turn at once. Later tasks wait, each on a [`Seat`]. When a
//! turn ends, the next seat gets it. The task with the turn may do the work of the seats behind it
//! and answer them.
//!
//! Nothing is lost when a task is dropped or panics. A dropped turn puts the seats that it took
//! back and passes to the next seat. A seat whose task has gone is skipped.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use cloakroom_session::factory::StoreKey;

use crate::keyed::Keyed;

/// A kind of work that waits in queues.
pub(crate) trait Work {
    /// The work of a waiting task.
    type Job;
    /// The answer to a waiting task.
    type Answer: Clone;
    /// The result that one turn passes to the next.
    type Baton;
}

type Seats<W> = VecDeque<Arc<Seat<W>>>;

/// The queues of all sessions with work in progress. A session without work has no entry.
pub(crate) struct Queues<W: Work> {
    queues: Mutex<Keyed<Seats<W>>>,
    /// The number of queues, to check for any without the lock.
    busy: AtomicUsize,
}

/// The place of a task in a queue.
pub(crate) enum Place<W: Work> {
    /// The task has the turn.
    Leading(Turn<W>),
    /// Another task has the turn.
    Waiting(Waiting<W>),
}

/// A message to a waiting task.
pub(crate) enum Said<W: Work> {
    /// Its turn has come.
    Lead(Turn<W>),
    /// Another task has done its work.
    Done(W::Answer),
}

impl<W: Work> Default for Queues<W> {
    fn default() -> Self {
        Self { queues: Mutex::default(), busy: AtomicUsize::new(0) }
    }
}

impl<W: Work> Queues<W> {
    /// Enters the queue of a session. The job is created only if the task has to wait.
    pub(crate) fn enter(self: &Arc<Self>, key: &StoreKey, job: impl FnOnce() -> W::Job) -> Place<W> {
        if let Some(turn) = self.begin(key) {
            return Place::Leading(turn);
        }
        // Created without holding the lock. The previous turn may have ended in the meantime.
        let seat = Arc::new(Seat { job: job(), state: Mutex::default() });
        match self.lock().entry(*key) {
            Entry::Occupied(mut seats) => seats.get_mut().push_back(Arc::clone(&seat)),
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                self.busy.fetch_add(1, Ordering::Relaxed);
                return Place::Leading(Turn::new(self, key));
            }
        }
        Place::Waiting(Waiting(seat))
    }

    /// Takes the turn of a session if it is free.
    pub(crate) fn begin(self: &Arc<Self>, key: &StoreKey) -> Option<Turn<W>> {
        match self.lock().entry(*key) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                self.busy.fetch_add(1, Ordering::Relaxed);
                Some(Turn::new(self, key))
            }
        }
    }

    /// Returns whether work on a session is in progress. Work that begins concurrently may be
    /// missed.
    pub(crate) fn is_busy(&self, key: &StoreKey) -> bool {
        self.busy.load(Ordering::Relaxed) > 0 && self.lock().contains_key(key)
    }

    /// Returns the number of waiting tasks.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().values().map(VecDeque::len).sum()
    }

    /// Returns the next seat. If no task waits, the queue is closed.
    fn next(&self, key: &StoreKey) -> Option<Arc<Seat<W>>> {
        let mut queues = self.lock();
        let next = queues.get_mut(key)?.pop_front();
        if next.is_none() {
            queues.remove(key);
            self.busy.fetch_sub(1, Ordering::Relaxed);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, Keyed<Seats<W>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a waiting task, shared with the task that has the turn.
pub(crate) struct Seat<W: Work> {
    pub(crate) job: W::Job,
    state: Mutex<State<W>>,
}

struct State<W: Work> {
    said: Option<Said<W>>,
    waker: Option<Waker>,
    abandoned: bool,
}

impl<W: Work> Default for State<W> {
    fn default() -> Self {
        Self { said: None, waker: None, abandoned: false }
    }
}

impl<W: Work> Seat<W> {
    /// Runs `note` unless the task has gone. A task that goes later sees the note.
    pub(crate) fn claim(&self, note: impl FnOnce(&W::Job)) -> bool {
        let state = self.lock();
        if !state.abandoned {
            note(&self.job);
        }
        !state.abandoned
    }

    /// Marks the task as gone, and drops a message that it has not received.
    pub(crate) fn abandon(&self) {
        let unheard = {
            let mut state = self.lock();
            state.abandoned = true;
            state.said.take()
        };
        // A turn sent to this task passes to the next one, which takes the lock of the queues.
        drop(unheard);
    }

    fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    /// Sends a message to the task, or returns the message if the task has gone.
    fn say(&self, said: Said<W>) -> Result<(), Said<W>> {
        let waker = {
            let mut state = self.lock();
            if state.abandoned {
                return Err(said);
            }
            state.said = Some(said);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that resolves when the turn comes, or when another task has done the work.
pub(crate) struct Waiting<W: Work>(Arc<Seat<W>>);

impl<W: Work> Waiting<W> {
    pub(crate) const fn seat(&self) -> &Arc<Seat<W>> {
        &self.0
    }
}

impl<W: Work> Future for Waiting<W> {
    type Output = Said<W>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Said<W>> {
        let mut state = self.0.lock();
        if let Some(said) = state.said.take() {
            return Poll::Ready(said);
        }
        if state.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl<W: Work> Drop for Waiting<W> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The right to work on a session. When dropped, it passes to the next waiting task.
pub(crate) struct Turn<W: Work> {
    queues: Arc<Queues<W>>,
    key: StoreKey,
    group: Vec<Arc<Seat<W>>>,
    /// The value from the previous turn, passed on to the next one.
    pub(crate) baton: Option<W::Baton>,
    passed: bool,
}

impl<W: Work> Turn<W> {
    fn new(queues: &Arc<Queues<W>>, key: &StoreKey) -> Self {
        Self { queues: Arc::clone(queues), key: *key, group: Vec::new(), baton: None, passed: false }
    }

    /// Returns the seats that this turn works for, in order of arrival.
    pub(crate) fn group(&self) -> &[Arc<Seat<W>>] {
        &self.group
    }

    /// Takes up to `most` waiting seats, and stops at the first that may not join.
    pub(crate) fn take(&mut self, most: usize, joins: impl Fn(&W::Job) -> bool) {
        let mut queues = self.queues.lock();
        let Some(seats) = queues.get_mut(&self.key) else { return };
        while self.group.len() < most
            && let Some(seat) = seats.pop_front()
        {
            if seat.is_abandoned() {
                continue;
            }
            if !joins(&seat.job) {
                seats.push_front(seat);
                break;
            }
            self.group.push(seat);
        }
    }

    /// Answers the seats whose work is already done.
    pub(crate) fn answer_those(&mut self, done: impl Fn(&W::Job) -> bool, answer: impl Fn() -> W::Answer) {
        self.group.retain(|seat| {
            let done = done(&seat.job);
            if done {
                drop(seat.say(Said::Done(answer())));
            }
            !done
        });
    }

    /// Drops the seats for which `stays` is false.
    pub(crate) fn retain(&mut self, stays: impl Fn(&Seat<W>) -> bool) {
        self.group.retain(|seat| stays(seat));
    }

    /// Puts back the seats for which `stays` is false. They wait in front of all others.
    pub(crate) fn sort_out(&mut self, mut stays: impl FnMut(&Seat<W>) -> bool) {
        let seats = mem::take(&mut self.group);
        let (stay, back) = seats.into_iter().partition(|seat| stays(seat));
        self.group = back;
        self.put_back();
        self.group = stay;
    }

    /// Puts back all seats that were taken, in front of the others.
    pub(crate) fn put_back(&mut self) {
        if self.group.is_empty() {
            return;
        }
        let mut queues = self.queues.lock();
        if let Some(seats) = queues.get_mut(&self.key) {
            self.group.drain(..).rev().for_each(|seat| seats.push_front(seat));
        }
    }

    /// Runs `note` for the job of each taken seat, and puts them back.
    pub(crate) fn part(&mut self, note: impl Fn(&W::Job)) {
        self.group.iter().for_each(|seat| note(&seat.job));
        self.put_back();
    }

    /// Gives all taken seats the same answer.
    pub(crate) fn answer(&mut self, answer: &W::Answer) {
        for seat in self.group.drain(..) {
            // A task that has gone learns the outcome from the note in its seat.
            drop(seat.say(Said::Done(answer.clone())));
        }
    }
}

impl<W: Work> Drop for Turn<W> {
    fn drop(&mut self) {
        if self.passed {
            return;
        }
        self.put_back();
        let mut baton = self.baton.take();
        while let Some(seat) = self.queues.next(&self.key) {
            let mut turn = Self::new(&self.queues, &self.key);
            turn.baton = baton.take();
            match seat.say(Said::Lead(turn)) {
                // Loop instead of dropping: a thousand tasks may have gone, and each turn dropped
                // here would recurse into the next one.
                Err(Said::Lead(mut turn)) => {
                    turn.passed = true;
                    baton = turn.baton.take();
                }
                Ok(()) | Err(Said::Done(_)) => return,
            }
        }
    }
}
