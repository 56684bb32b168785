//! Concurrent commits of one session in this process, written as one.
//!
//! The commit that has the turn applies the changes of those waiting behind it to its own record,
//! in order of arrival, and writes once. All of them receive the written record and its version.
//!
//! # Exactly once
//! A group has a name, a unique [`CommitId`], and the record is marked with that name alone. Each
//! commit in the group remembers the name before the write is sent. If the answer is lost, a commit
//! has been written if and only if the newest record carries its own mark or that of one of its
//! groups. A group of any size therefore uses only one of the record's marks.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_session::factory::{Commit, CommitId, Plan, Record, Version};
use tokio::time::Instant;
use tracing::Span;

use super::outcome::Written;
use super::queue::{Queues, Seat, Turn, Work};
use crate::entry::Entry;

/// The time for which a commit with an unknown outcome may be retried: as long as a record keeps
/// its marks.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Commits waiting for their turn.
pub(crate) struct Commits;

impl Work for Commits {
    type Job = Pending;
    type Answer = Written;
    /// The version left by the previous commit, so that the next one need not load it.
    type Baton = (Version, Entry);
}

pub(crate) type CommitQueues = Queues<Commits>;
pub(crate) type CommitTurn = Turn<Commits>;

/// A waiting commit.
pub(crate) struct Pending {
    pub(super) commit: Commit,
    /// The span of its request, in which its changes are replayed.
    pub(super) span: Span,
    /// `true` if it must be written alone.
    solo: AtomicBool,
    /// The groups that it may have been written in.
    groups: Mutex<Vec<CommitId>>,
}

impl Pending {
    pub(crate) fn new(commit: &Commit) -> Self {
        // A move is a different store operation. A retried commit must first look for its traces. A
        // commit without an id couldn't tell whether it was written.
        let solo = !(commit.plan() == Plan::Replace || commit.begins_reserved())
            || commit.is_resumed()
            || commit.id().is_none()
            || commit.session().base().has_foreign();
        Self { commit: commit.clone(), span: Span::current(), solo: AtomicBool::new(solo), groups: Mutex::default() }
    }

    pub(super) fn is_solo(&self) -> bool {
        self.solo.load(Ordering::Relaxed)
    }

    pub(crate) fn be_solo(&self) {
        self.solo.store(true, Ordering::Relaxed);
    }

    pub(super) fn joined(&self, group: CommitId) {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).push(group);
    }

    pub(super) fn was_written_in(&self, record: &Record) -> bool {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|group| record.has_commit(*group))
    }
}

/// Commits with an unknown outcome, and the groups that they may have been written in.
#[derive(Debug, Default)]
pub(crate) struct Unsure(Mutex<HashMap<u64, (Instant, Vec<CommitId>)>>);

impl Unsure {
    /// Starts to collect the traces of a commit, including those left by an earlier attempt.
    pub(crate) fn traces(&self, commit: &Commit) -> Traces<'_> {
        let id = commit.id();
        let left = id.filter(|_| commit.is_resumed()).and_then(|id| self.take(id));
        Traces { unsure: self, id, groups: left.unwrap_or_default(), seat: None }
    }

    fn take(&self, id: CommitId) -> Option<Vec<CommitId>> {
        let mut commits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        commits.remove(&id.number()).map(|(_, groups)| groups)
    }

    fn keep(&self, id: CommitId, groups: Vec<CommitId>) {
        let mut commits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        commits.retain(|_, (since, _)| since.elapsed() < LONGEST_RETRY);
        commits.insert(id.number(), (Instant::now(), groups));
    }
}

/// The groups that a commit may have been written in. They are kept for the next attempt unless the
/// outcome becomes known.
pub(crate) struct Traces<'a> {
    unsure: &'a Unsure,
    id: Option<CommitId>,
    pub(super) groups: Vec<CommitId>,
    seat: Option<Arc<Seat<Commits>>>,
}

impl Traces<'_> {
    /// Records the seat on which the commit waits.
    pub(crate) fn wait_on(&mut self, seat: &Arc<Seat<Commits>>) {
        self.seat = Some(Arc::clone(seat));
    }

    /// Returns whether the commit may have been written in a group.
    pub(crate) fn are_there(&mut self) -> bool {
        self.collect();
        !self.groups.is_empty()
    }

    /// Returns whether an earlier attempt has written this record or one of its predecessors.
    pub(crate) fn are_in(&mut self, record: &Record) -> bool {
        self.collect();
        self.groups.iter().any(|group| record.has_commit(*group))
    }

    /// Forgets the traces, once the outcome is known.
    pub(crate) fn settle(&mut self) {
        self.seat = None;
        self.groups.clear();
    }

    fn collect(&mut self) {
        if let Some(seat) = &self.seat {
            let mut groups = seat.job.groups.lock().unwrap_or_else(PoisonError::into_inner);
            self.groups.append(&mut groups);
        }
    }
}

impl Drop for Traces<'_> {
    fn drop(&mut self) {
        if let Some(seat) = &self.seat {
            // After this, no group takes the commit, so no further traces appear.
            seat.abandon();
        }
        self.collect();
        if let Some(id) = self.id.filter(|_| !self.groups.is_empty()) {
            self.unsure.keep(id, mem::take(&mut self.groups));
        }
    }
}
