//! Writes to a session that other requests may write too: in turn, on the newest version, and until
//! the outcome is known.

use std::sync::Arc;

use cloakroom_session::factory::{Commit, CookiePayload, Record, SessionId, StoreKey, Version};
use cloakroom_session::{
    Error,
    meter::{self, Event},
};

use super::StoredSessions;
use super::call::{Operation, within};
use super::gather::{Leader, is_of};
use super::group::{CommitTurn, Pending, Traces};
use super::outcome::{Found, Written};
use super::queue::{Place, Said};
use crate::deadline::Course;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::store::{Created, Replaced, Store};

/// A write that may conflict with others. It is passed by reference, because nested futures would
/// store each field twice.
pub(crate) struct Write<'a> {
    pub(crate) commit: &'a Commit,
    pub(crate) key: &'a StoreKey,
    /// The version at which the session was opened, or the default one for no session.
    pub(crate) seen: &'a Version,
    pub(crate) step: &'a Step,
}

pub(crate) enum Step {
    /// Creates a session under its reserved id, or replaces the version that is there.
    Begin,
    Replace,
    Cycle(SessionId),
}

impl Write<'_> {
    /// Returns `true` if the session is created, because no version of it is known.
    fn creates(&self, newest: &Newest) -> bool {
        matches!(self.step, Step::Begin) && newest.is_none()
    }
}

/// The version that a write builds on, if not the one at which its session was opened.
type Newest = Option<(Version, Arc<Record>)>;

/// Counts a waiting commit while it exists.
struct Waits;

impl Waits {
    fn begin() -> Self {
        meter::commits_waiting(1);
        Self
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        meter::commits_waiting(-1);
    }
}

impl<S: Store> StoredSessions<S> {
    /// Replaces the version at which the session was opened, or replays the changes on a newer one.
    pub(crate) async fn write(&self, write: &Write<'_>, course: &mut Course) -> Result<Written, Error> {
        let mut traces = self.unsure.traces(write.commit);
        let turn = match self.commits.enter(write.key, || Pending::new(write.commit)) {
            Place::Leading(turn) => turn,
            Place::Waiting(waiting) => {
                traces.wait_on(waiting.seat());
                let _waits = Waits::begin();
                match within(course.limit().left(), waiting).await {
                    Some(Said::Lead(turn)) if !course.limit().left().is_zero() => turn,
                    Some(Said::Done(written)) => {
                        traces.settle();
                        return Ok(written);
                    }
                    Some(Said::Lead(_)) | None => return Err(self.waited_too_long(&mut traces)),
                }
            }
        };
        self.lead(write, course, turn, &mut traces).await
    }

    fn waited_too_long(&self, traces: &mut Traces<'_>) -> Error {
        let patience = self.patience.commit;
        Error::unavailable(if traces.are_there() {
            format!("the store gave no answer within {patience:?}, and the change may have been written or not")
        } else {
            format!("earlier commits of the session took {patience:?}, and the change was not written")
        })
    }

    /// Writes the commit that has the turn, together with those that wait behind it.
    async fn lead(
        &self,
        write: &Write<'_>,
        course: &mut Course,
        mut turn: CommitTurn,
        traces: &mut Traces<'_>,
    ) -> Result<Written, Error> {
        let commit = write.commit;
        let mut newest: Newest = match turn.baton.take().filter(|(version, _)| version > write.seen) {
            Some((version, entry)) => {
                let record = entry.record(write.key)?;
                is_of(commit, &record).then_some((version, record))
            }
            None => None,
        };
        let mut solo = matches!(write.step, Step::Cycle(_));
        let mut was_taken = false;
        loop {
            if let Some((version, record)) = &newest
                && self.has_done(write, traces, record)
            {
                turn.baton = Some((version.clone(), Entry::of(Arc::clone(record))));
                traces.settle();
                return Ok(Written::Yes(version.clone(), Arc::clone(record)));
            }
            let seen = newest.as_ref().map_or(write.seen, |(version, _)| version);
            let record = match self.compose(write, &newest, &mut turn, traces, solo) {
                Ok(record) => record,
                Err(error) => {
                    turn.baton = newest.map(|(version, record)| (version, Entry::of(record)));
                    return Err(error);
                }
            };
            let entry = Entry::of(Arc::clone(&record));
            match self.ask(write, course, write.creates(&newest), seen.clone(), &entry).await {
                Ok(Replaced::Yes(version)) => {
                    meter::written(CookiePayload::Id, || entry.text().len());
                    if !turn.group().is_empty() {
                        self.counters.group(turn.group().len() + 1);
                    }
                    let written = Written::Yes(version.clone(), record);
                    turn.answer(&written);
                    traces.settle();
                    turn.baton = Some((version, entry)).filter(|_| !matches!(write.step, Step::Cycle(_)));
                    return Ok(written);
                }
                Ok(Replaced::Gone) => return self.gone(write, course, &mut turn, traces).await,
                Ok(Replaced::Conflict) => {
                    was_taken = true;
                    course.retries.conflict(commit).await?;
                }
                Err(error) if !error.is_passing() && !turn.group().is_empty() => {
                    // The combined write, or one of its commits, is too large for the store.
                    // Written one by one, each finds out for itself.
                    tracing::debug!(%error, "commits that were written together are written one by one");
                    turn.part(Pending::be_solo);
                    solo = true;
                    continue;
                }
                Err(error) => course.take(error).await?,
            }
            turn.put_back();
            let load = || self.store.load_latest(write.key, commit.now());
            let loaded = self.insist(course, Operation::Load, Some(write.key), load).await?;
            newest = match Found::under(write.key, loaded)? {
                Found::Live(version, record) if is_of(commit, &record) => Some((version, record)),
                // The call that got no answer wasn't executed.
                Found::Absent if write.creates(&newest) && !was_taken => None,
                Found::Live(..) | Found::Moved | Found::Absent => {
                    return self.gone(write, course, &mut turn, traces).await;
                }
            };
            if course.unsure
                && let Step::Cycle(id) = write.step
            {
                self.undo_half(commit, &id.store_key(), course).await?;
            }
        }
    }

    /// Builds the record to write: the changes of the session and of the waiting commits, applied
    /// to the version to build on.
    fn compose(
        &self,
        write: &Write<'_>,
        newest: &Newest,
        turn: &mut CommitTurn,
        traces: &mut Traces<'_>,
        solo: bool,
    ) -> Result<Arc<Record>, Error> {
        let (commit, session) = (write.commit, write.commit.session());
        let (version, on) =
            newest.as_ref().map_or_else(|| (write.seen, session.base()), |(version, on)| (version, &**on));
        let own = match newest {
            None => commit.record(),
            Some((_, newest)) => Arc::new(self.replay(commit, newest)?),
        };
        if !solo {
            let leader = Leader { commit, on, version, creates: write.creates(newest) };
            if let Some(all) = self.gather(turn, &leader, &own, traces) {
                return Ok(Arc::new(all));
            }
            turn.put_back();
        }
        let mut own = own;
        if newest.is_some() {
            commit.mark(Arc::make_mut(&mut own));
        }
        Ok(own)
    }

    async fn ask(
        &self,
        write: &Write<'_>,
        course: &Course,
        creates: bool,
        seen: Version,
        entry: &Entry,
    ) -> Result<Replaced, StoreError> {
        let now = write.commit.now();
        match write.step {
            Step::Begin if creates => {
                let create = self.store.create(write.key, entry, now);
                let created = self.call_by(course.limit(), Operation::Create, Some(write.key), create).await?;
                Ok(match created {
                    Created::Yes(version) => Replaced::Yes(version),
                    Created::Taken => Replaced::Conflict,
                })
            }
            Step::Begin | Step::Replace => {
                let replace = self.store.replace(write.key, seen, entry, now);
                self.call_by(course.limit(), Operation::Replace, Some(write.key), replace).await
            }
            Step::Cycle(id) => {
                let (new, until) = (id.store_key(), now + self.grace);
                let cycle = self.store.cycle(write.key, seen, &new, entry, until, now);
                self.call_by(course.limit(), Operation::Cycle, Some(write.key), cycle).await
            }
        }
    }

    /// Returns whether an earlier attempt of this commit, whose answer was lost, has written this
    /// record or one of its predecessors.
    fn has_done(&self, write: &Write<'_>, traces: &mut Traces<'_>, newest: &Record) -> bool {
        !matches!(write.step, Step::Cycle(_)) && (write.commit.has_written(newest) || traces.are_in(newest))
    }

    /// Handles a session that is gone from its key: it has ended, or an earlier attempt of this
    /// commit, whose answer was lost, has moved it.
    async fn gone(
        &self,
        write: &Write<'_>,
        course: &mut Course,
        turn: &mut CommitTurn,
        traces: &mut Traces<'_>,
    ) -> Result<Written, Error> {
        turn.answer(&Written::Dropped);
        let own = match write.step {
            Step::Cycle(id) if course.unsure => self.find_own(write.commit, &id.store_key(), course).await?,
            Step::Cycle(_) | Step::Begin | Step::Replace => None,
        };
        traces.settle();
        Ok(own.map_or(Written::Dropped, |(version, record)| Written::Yes(version, record)))
    }

    /// Replays a session on a version that another request wrote.
    pub(crate) fn replay(&self, commit: &Commit, newest: &Record) -> Result<Record, Error> {
        self.counters.count(Event::Replayed);
        cloakroom_session::factory::replay_with(commit, newest, self.conflicts, || {
            self.counters.count(Event::Overwritten)
        })
    }
}
