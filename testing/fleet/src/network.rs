//! The faults, and the latency of messages.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::plan::Plan;
use crate::random::Random;

/// The network between the nodes and the store, with its faults.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) random: Random,
    begin: Instant,
    cut: Mutex<BTreeSet<usize>>,
    paused: Mutex<BTreeSet<usize>>,
    resumed: Notify,
    is_server_down: AtomicBool,
    /// Lost requests and lost answers, in thousandths each.
    loss: AtomicU64,
    /// The greatest additional latency, in milliseconds.
    slow: AtomicU64,
    /// The feed stops, and nothing says so.
    is_feed_silent: AtomicBool,
    /// Faults that began.
    pub(crate) faults: AtomicU64,
    /// Calls that were sent.
    pub(crate) calls: AtomicU64,
}

/// The fate of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// It is lost before it is executed.
    RequestLost,
    /// It is executed, and its answer is lost.
    AnswerLost,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            begin: Instant::now(),
            cut: Mutex::default(),
            paused: Mutex::default(),
            resumed: Notify::new(),
            is_server_down: AtomicBool::new(false),
            loss: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            is_feed_silent: AtomicBool::new(false),
            faults: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        }
    }

    /// Returns the milliseconds since the begin of the run.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns the latency of one message, which is one millisecond or two, and rarely more.
    pub(crate) fn latency(&self) -> Duration {
        let slow = self.slow.load(Ordering::Relaxed);
        let rare = if self.random.happens(10) { self.random.below(20) } else { 0 };
        Duration::from_millis(1 + self.random.below(2) + rare + self.random.below(slow + 1))
    }

    pub(crate) fn fate(&self, node: usize) -> Fate {
        let loss = self.loss.load(Ordering::Relaxed);
        if self.is_cut(node) || self.random.happens(loss) {
            Fate::RequestLost
        } else if self.random.happens(loss) {
            Fate::AnswerLost
        } else {
            Fate::Answered
        }
    }

    /// Returns whether messages from and to the node are lost.
    pub(crate) fn is_cut(&self, node: usize) -> bool {
        self.is_server_down.load(Ordering::Relaxed)
            || self.cut.lock().unwrap_or_else(PoisonError::into_inner).contains(&node)
    }

    pub(crate) fn is_feed_silent(&self) -> bool {
        self.is_feed_silent.load(Ordering::Relaxed)
    }

    fn is_paused(&self, node: usize) -> bool {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).contains(&node)
    }

    /// Waits while the node is paused.
    pub(crate) async fn running(&self, node: usize) {
        while self.is_paused(node) {
            self.resumed.notified().await;
        }
    }

    /// Begins a fault at random, and ends it. Returns a node that crashes, if this is the fault.
    pub(crate) async fn fault(&self, plan: &Plan) -> Option<usize> {
        self.faults.fetch_add(1, Ordering::Relaxed);
        let random = &self.random;
        let lasts = Duration::from_millis(200 + random.below(3800));
        let node = random.index(plan.nodes);
        let some = || (0..plan.nodes).filter(|_| random.happens(400)).collect::<BTreeSet<_>>();
        match random.below(7) {
            0 => self.is_server_down.store(true, Ordering::Relaxed),
            1 => self.loss.store(20 + random.below(180), Ordering::Relaxed),
            2 => self.slow.store(50 + random.below(3000), Ordering::Relaxed),
            3 => *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = some(),
            4 => *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = some(),
            5 => self.is_feed_silent.store(true, Ordering::Relaxed),
            _ => return Some(node),
        }
        tokio::time::sleep(lasts).await;
        self.heal();
        None
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        self.is_server_down.store(false, Ordering::Relaxed);
        self.loss.store(0, Ordering::Relaxed);
        self.slow.store(0, Ordering::Relaxed);
        self.is_feed_silent.store(false, Ordering::Relaxed);
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.resumed.notify_waiters();
    }
}
