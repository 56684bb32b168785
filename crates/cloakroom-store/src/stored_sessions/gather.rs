//! Adds the waiting commits to the write of the commit that has the turn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cloakroom_session::Error;
use cloakroom_session::factory::{Commit, CommitId, Record, Version};

use super::StoredSessions;
use super::group::{CommitTurn, Pending, Traces};
use super::outcome::Written;
use crate::store::Store;

/// The maximum number of commits in one write. The task with the turn replays all of them without
/// yielding.
const MOST: usize = 128;

/// The commit that has the turn, and the version that it builds on.
pub(crate) struct Leader<'a> {
    pub(crate) commit: &'a Commit,
    /// The record that its changes were applied to, and its version.
    pub(crate) on: &'a Record,
    pub(crate) version: &'a Version,
    /// The write creates the session. A commit that has opened a session isn't added: that one has
    /// ended.
    pub(crate) creates: bool,
}

/// Returns whether the changes of a commit belong to the session with this record.
///
/// A reserved id may be used for one session after another. The changes of one that has ended must
/// not appear in the next.
pub(crate) fn is_of(commit: &Commit, record: &Record) -> bool {
    let session = commit.session();
    session.id().is_none() || session.base().times().created == record.times().created
}

impl<S: Store> StoredSessions<S> {
    /// Applies the waiting commits to the record of the commit that has the turn. Returns `None` if
    /// it is written alone.
    pub(crate) fn gather(
        &self,
        turn: &mut CommitTurn,
        leader: &Leader<'_>,
        record: &Record,
        traces: &mut Traces<'_>,
    ) -> Option<Record> {
        let commit = leader.commit;
        if record.has_foreign() || leader.on.times().expired(commit.now()).is_some() {
            // If the store agrees, the session has expired for this commit, but perhaps not for one
            // with an earlier clock.
            return None;
        }
        turn.take(MOST - 1, |pending| !pending.is_solo() && (!leader.creates || pending.commit.begins_reserved()));
        turn.answer_those(
            |pending| pending.was_written_in(leader.on),
            || Written::Yes(leader.version.clone(), Arc::new(leader.on.clone())),
        );
        while !turn.group().is_empty() {
            let mut all = record.clone();
            turn.sort_out(|seat| {
                let joined = self.join(&seat.job, &all);
                // It fails again on its own turn, or succeeds there.
                joined.map_or_else(|| seat.job.be_solo(), |joined| all = joined);
                !seat.job.is_solo()
            });
            // Without random bytes a group has no name. A single commit has one.
            let name = CommitId::of_this_process(cloakroom_session::factory::random().ok()?);
            let asked = turn.group().len();
            turn.retain(|seat| seat.claim(|pending| pending.joined(name)));
            if turn.group().len() == asked && asked > 0 {
                traces.groups.push(name);
                all.mark(name, commit.now());
                return Some(all);
            }
            // A task has gone, and its changes must not be included. The name was never written.
        }
        None
    }

    /// Applies a waiting commit to a record. Returns `None` if that fails, or if the session has
    /// expired for this commit or is another one.
    fn join(&self, pending: &Pending, record: &Record) -> Option<Record> {
        let commit = &pending.commit;
        if record.times().expired(commit.now()).is_some() || !is_of(commit, record) {
            return None;
        }
        // A panic in another request's closure must not take this one down. It happens again in
        // that request's own turn.
        let replayed = catch_unwind(AssertUnwindSafe(|| pending.span.in_scope(|| self.replay(commit, record))));
        replayed.unwrap_or_else(|_| Err(Error::unavailable("a closure panicked"))).ok()
    }
}
