//! Committing a session: completing its record before the commit, and merging the result
//! afterwards.

use std::sync::Arc;

use super::commit::{After, Commit};
use super::log::ChangeLog;
use super::{Context, Identity, SessionState, Stored, Work};
use crate::csrf::CsrfToken;
use crate::error::Error;
use crate::record::{CommitId, Record};
use crate::time::Timestamp;

/// Committing.
impl SessionState {
    /// Returns `record`, a version of this session's record, marked as used now.
    #[must_use]
    pub fn touched(&self, mut record: Record, now: Timestamp) -> Record {
        record.times.touch(now, &self.context.lifetimes);
        record
    }

    pub(crate) fn touched_base(&self, now: Timestamp) -> Arc<Record> {
        let mut times = self.work.base.times;
        times.touch(now, &self.context.lifetimes);
        if times == self.work.base.times {
            return Arc::clone(&self.work.base);
        }
        Arc::new(Record { times, ..Record::clone(&self.work.base) })
    }

    /// Adds the commit's data to the handler's record: the commit id, the time, and the CSRF token
    /// of a new session.
    pub(crate) fn complete(&mut self, now: Timestamp, mark: Option<CommitId>, token: Option<CsrfToken>) {
        // In place: copying a record costs more than the rest of a commit.
        let draft = Arc::make_mut(self.work.draft.get_or_insert_with(|| Arc::clone(&self.work.base)));
        // A commit that was passed on from another factory may have marked the record before.
        if let Some(id) = mark.filter(|id| !draft.has_commit(*id)) {
            draft.mark(id, now);
        }
        draft.times.touch(now, &self.context.lifetimes);
        if let Some(token) = token.filter(|_| draft.csrf.is_none()) {
            draft.csrf = Some(token.reshape(self.context.scheme));
        }
    }

    /// Reverts the additions of a commit that was not carried out.
    ///
    /// Otherwise a visitor with an empty session would get a record only because of a token that
    /// was never shown.
    pub fn withdraw(&mut self, commit: &Commit) {
        let begun = commit.session();
        let given = begun.record().csrf().filter(|_| commit.gives_token());
        if self.generation != begun.generation || given.is_none() || self.record().csrf() != given {
            return;
        }
        if let Some(draft) = &mut self.work.draft {
            Arc::make_mut(draft).csrf = None;
        }
    }

    pub(crate) const fn seal_log(&mut self) -> usize {
        self.work.log.seal()
    }

    /// Returns the session after a commit with this outcome.
    pub(crate) fn settle(&self, after: After, now: Timestamp) -> Self {
        let (identity, base) = match after {
            After::Untouched => return Self { opened: now, ..self.clone() },
            After::TokenIssued => {
                let fresh = Self::fresh(now, self.context.lifetimes);
                let fresh = Self { generation: self.generation, context: self.context.clone(), ..fresh };
                return fresh.reserving_ids(self.reserved_id());
            }
            After::Kept(id, record) => (Identity::Loaded(id), record),
            After::Ended => (Identity::New, Arc::new(Record::new(now, &self.context.lifetimes))),
            After::Dropped => {
                let presented = self.identity.presented();
                (Identity::Detached(presented), Arc::new(Record::new(now, &self.context.lifetimes)))
            }
        };
        Self {
            identity,
            generation: self.generation,
            work: Work { base, draft: None, log: ChangeLog::EMPTY },
            opened: now,
            stored: Stored::default(),
            context: self.context.clone(),
            rare: None,
        }
    }

    /// Merges the result of a reload. Returns `true` if the session still exists.
    ///
    /// A session that has ended becomes detached, so that later writes can't revive it. A session
    /// that still exists shows its newest values, unless it has uncommitted changes: those are
    /// applied to the newest values by the commit. A visitor with a
    /// [reserved id](SessionState::sent_reserved_id) gets the session that another request began.
    pub fn refresh(&mut self, newest: Self) -> bool {
        let Some(id) = self.id().or(self.sent_reserved_id()) else { return !self.is_detached() };
        let goes_on = newest.id().is_some() || (self.is_new() && !newest.is_detached());
        let generation = self.generation;
        let context = Context { place: newest.context.place, moves: newest.context.moves, ..self.context.clone() };
        if !goes_on {
            let detached = Self::detached(id, newest.opened, context.lifetimes);
            *self = Self { generation, context, ..detached };
        } else if self.work.log.is_empty() {
            *self = Self { generation, context, ..newest };
        }
        goes_on
    }

    /// Returns the changes since this commit began, to be applied to its result.
    #[must_use]
    pub fn since(&self, commit: &Commit) -> Since {
        let same = self.generation == commit.session().generation;
        let log = if same { self.work.log.since(commit.changes()) } else { ChangeLog::EMPTY };
        Since { generation: self.generation, changes: self.work.log.len(), log }
    }

    /// Merges the result of a commit of an earlier state of this session.
    ///
    /// The changes made since the commit began are applied to the committed record. If that fails,
    /// those changes are lost and the error has the reason. Committed changes are never applied
    /// twice.
    pub fn merge_commit(&mut self, commit: &Commit, settled: Self, rebased: Rebased) -> Absorbed {
        if (rebased.generation, rebased.changes) != (self.generation, self.work.log.len()) {
            return Absorbed::Outdated(Box::new(settled));
        }
        if self.generation != commit.session().generation {
            self.absorb_under_another(commit, settled);
            return Absorbed::Done;
        }
        let (generation, cycles) = (self.generation, rebased.log.cycles());
        *self = Self { generation, ..settled };
        if cycles {
            self.identity = self.identity.cycled();
        }
        match rebased.draft {
            None => Absorbed::Done,
            Some(Ok(draft)) => {
                self.work.draft = Some(Arc::new(draft));
                self.work.log = rebased.log;
                Absorbed::Done
            }
            Some(Err(error)) => Absorbed::Failed(error),
        }
    }

    /// Merges a commit of a session that was invalidated while the commit ran. The session that was
    /// just committed is the one to end.
    fn absorb_under_another(&mut self, commit: &Commit, settled: Self) {
        if let Some(id) = settled.id() {
            self.identity = Identity::Ended(id);
            let foreign = settled.work.base.foreign.clone();
            self.rare_mut().ended_foreign = foreign;
        } else if commit.ended_id().is_some() && self.ended_id() == commit.ended_id() && !settled.is_detached() {
            // The commit has already ended it.
            self.identity = Identity::New;
        }
        if let Some(rare) = &mut self.rare {
            rare.other = None;
        }
        self.context = settled.context;
    }

    /// Merges the result of a commit, and drops the changes made since it began.
    pub fn absorb_alone(&mut self, commit: &Commit, settled: Self) {
        if self.generation == commit.session().generation {
            *self = Self { generation: self.generation, ..settled };
        } else {
            self.absorb_under_another(commit, settled);
        }
    }

    /// Rebases and merges the result of a commit in one step: see [`SessionState::merge_commit`].
    ///
    /// # Errors
    /// Returns an error if a closure given to `update` fails on the committed value.
    pub fn absorb_now(&mut self, commit: &Commit, settled: Self) -> Result<(), Error> {
        let rebased = self.since(commit).rebase(&settled);
        match self.merge_commit(commit, settled, rebased) {
            Absorbed::Failed(error) => Err(error),
            Absorbed::Done | Absorbed::Outdated(_) => Ok(()),
        }
    }
}

/// The changes that were made while a commit ran.
#[derive(Debug)]
pub struct Since {
    generation: u32,
    changes: usize,
    log: ChangeLog,
}

/// The changes that were made while a commit ran, applied to its result.
#[derive(Debug)]
pub struct Rebased {
    generation: u32,
    changes: usize,
    log: ChangeLog,
    draft: Option<Result<Record, Error>>,
}

/// The outcome of merging the result of a commit.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide about each of them")]
pub enum Absorbed {
    /// The result is merged.
    Done,
    /// The result is merged, but the changes made since are lost.
    Failed(Error),
    /// The session changed again: rebase again, and retry.
    Outdated(Box<SessionState>),
}

impl Since {
    /// Applies the changes to the result of the commit.
    ///
    /// This runs closures of the application, so no lock must be held.
    #[must_use]
    pub fn rebase(self, settled: &SessionState) -> Rebased {
        let draft = (!self.log.is_empty()).then(|| self.log.run(settled.base()));
        Rebased { generation: self.generation, changes: self.changes, log: self.log, draft }
    }
}
