//! The walks that end old sessions and are not finished yet.
//!
//! A session may move from a shard that a walk has not yet reached to one that it has already
//! passed. A walk that ends old sessions therefore leaves its number in each shard that it passes.
//! When a session old enough to be ended is about to move from a shard without that number to one
//! with it, it is ended instead.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_session::Timestamp;

use super::shard::{Passed, Shard};

/// The maximum number of unfinished walks. Beyond it, the oldest ones are forgotten.
const UNFINISHED: usize = 16;

/// The unfinished walks of `end_before`.
#[derive(Debug, Default)]
pub(super) struct Walks(Mutex<Started>);

#[derive(Debug, Default)]
struct Started {
    last: u64,
    walks: VecDeque<Walk>,
}

#[derive(Debug)]
struct Walk {
    passed: Passed,
    /// Sessions that were ended as they moved, and not yet counted in a page.
    caught: usize,
}

impl Walks {
    fn started(&self) -> MutexGuard<'_, Started> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn start(&self, point: Timestamp) -> Passed {
        let mut started = self.started();
        started.last += 1;
        let passed = Passed { walk: started.last, point };
        if started.walks.len() >= UNFINISHED {
            started.walks.pop_front();
        }
        started.walks.push_back(Walk { passed, caught: 0 });
        passed
    }

    pub(super) fn is_unfinished(&self, number: u64) -> bool {
        self.started().walks.iter().any(|walk| walk.passed.walk == number)
    }

    pub(super) fn finish(&self, number: u64) {
        self.started().walks.retain(|walk| walk.passed.walk != number);
    }

    /// Takes the number of sessions ended as they moved since the last call.
    pub(super) fn caught(&self, number: u64) -> usize {
        let mut started = self.started();
        let walk = started.walks.iter_mut().find(|walk| walk.passed.walk == number);
        walk.map_or(0, |walk| std::mem::take(&mut walk.caught))
    }

    /// Returns whether a session created at this time is about to escape from a walk and must be
    /// ended instead of moved.
    pub(super) fn catches(&self, old: &Shard, new: &Shard, created: Timestamp) -> bool {
        let Some(passed) = new.passed else { return false };
        let is_behind = old.passed.is_none_or(|old| old.walk < passed.walk);
        if !is_behind || created >= passed.point {
            return false;
        }
        let mut started = self.started();
        if let Some(walk) = started.walks.iter_mut().find(|walk| walk.passed.walk == passed.walk) {
            walk.caught += 1;
        }
        true
    }
}
