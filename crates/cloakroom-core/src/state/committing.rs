//! What a commit does to a session: completed before it, settled after it, and what was done in
//! between.

use std::sync::Arc;

use super::{Context, Identity, SessionState, Stored, Work};
use crate::change::ChangeLog;
use crate::commit::{After, Commit};
use crate::csrf::CsrfToken;
use crate::error::Error;
use crate::marks::CommitId;
use crate::record::Record;
use crate::time::Timestamp;

/// Committing.
impl SessionState {
    /// A version of this session's record, used now.
    #[must_use]
    pub fn touched(&self, mut record: Record, now: Timestamp) -> Record {
        record.clockwork.touch(now, &self.context.lifetimes);
        record
    }

    pub(crate) fn touched_base(&self, now: Timestamp) -> Arc<Record> {
        let mut clockwork = self.work.base.clockwork;
        clockwork.touch(now, &self.context.lifetimes);
        if clockwork == self.work.base.clockwork {
            return Arc::clone(&self.work.base);
        }
        Arc::new(Record { clockwork, ..Record::clone(&self.work.base) })
    }

    /// Completes what the handler has written by what a commit adds to it: the mark of the commit,
    /// its time, and the CSRF token of a session that begins.
    pub(crate) fn complete(&mut self, now: Timestamp, mark: Option<CommitId>, token: Option<CsrfToken>) {
        // In place: a copy of a record costs more than all the rest of a commit.
        let draft = Arc::make_mut(self.work.draft.get_or_insert_with(|| Arc::clone(&self.work.base)));
        // A commit that was handed on may have written here before.
        if let Some(id) = mark.filter(|id| !draft.has_commit(*id)) {
            draft.mark(id, now);
        }
        draft.clockwork.touch(now, &self.context.lifetimes);
        if let Some(token) = token.filter(|_| draft.csrf.is_none()) {
            draft.csrf = Some(token.reshape(self.context.scheme));
        }
    }

    /// Takes back what a commit has completed, because it was not carried out: a visitor for whom
    /// nothing is stored in the end gets no session for the sake of a token that nobody has seen.
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

    /// The session after a commit with this outcome.
    pub(crate) fn settle(&self, after: After, now: Timestamp) -> Self {
        let (identity, base) = match after {
            After::Untouched => return Self { opened: now, ..self.clone() },
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

    /// Takes in what a factory found under the session's id when it was asked again; returns
    /// whether the session goes on.
    ///
    /// One that has ended is detached from now on, so that nothing written later brings it back.
    /// One that goes on shows its newest values, unless something was changed that isn't committed
    /// yet: the commit will apply that to the newest values.
    pub fn refresh(&mut self, newest: Self) -> bool {
        let Some(id) = self.id() else { return !self.is_detached() };
        let goes_on = newest.id().is_some();
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

    /// What was done since this commit began, to be applied to its result.
    #[must_use]
    pub fn since(&self, commit: &Commit) -> Since {
        let same = self.generation == commit.session().generation;
        let log = if same { self.work.log.since(commit.changes()) } else { ChangeLog::EMPTY };
        Since { generation: self.generation, changes: self.work.log.len(), log }
    }

    /// Takes in the result of a commit of an earlier state of this session.
    ///
    /// What was done since the commit began is applied to what it committed. Where that fails, it
    /// is lost, and the error says why. What was committed is never applied twice.
    pub fn absorb(&mut self, commit: &Commit, settled: Self, rebased: Rebased) -> Absorbed {
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

    /// Takes in a commit of a session that was invalidated while the commit ran: the session that
    /// was just committed is the one that ends now.
    fn absorb_under_another(&mut self, commit: &Commit, settled: Self) {
        if let Some(id) = settled.id() {
            self.identity = Identity::Ended(id);
            let foreign = settled.work.base.foreign.clone();
            self.rare_mut().ended_foreign = foreign;
        } else if commit.ended_id().is_some() && self.ended_id() == commit.ended_id() && !settled.is_detached() {
            // The commit has ended it already.
            self.identity = Identity::New;
        }
        if let Some(rare) = &mut self.rare {
            rare.other = None;
        }
        self.context = settled.context;
    }

    /// Takes in the result of a commit, and drops what was done since it began.
    pub fn absorb_alone(&mut self, commit: &Commit, settled: Self) {
        if self.generation == commit.session().generation {
            *self = Self { generation: self.generation, ..settled };
        } else {
            self.absorb_under_another(commit, settled);
        }
    }

    /// Takes in the result of a commit at once: see [`SessionState::absorb`].
    ///
    /// # Errors
    /// When a closure given to `update` can't be run again on what was committed.
    pub fn absorb_now(&mut self, commit: &Commit, settled: Self) -> Result<(), Error> {
        let rebased = self.since(commit).rebase(&settled);
        match self.absorb(commit, settled, rebased) {
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

/// What became of the result of a commit.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide about each of them")]
pub enum Absorbed {
    /// It is part of the session.
    Done,
    /// It is part of the session, but what was done since is lost.
    Failed(Error),
    /// More was done in the meantime: apply that too, and try again.
    Outdated(Box<SessionState>),
}

impl Since {
    /// Applies the changes to the result of the commit.
    ///
    /// It runs closures of the application, so no lock must be held.
    #[must_use]
    pub fn rebase(self, settled: &SessionState) -> Rebased {
        let draft = (!self.log.is_empty()).then(|| self.log.run(settled.base()));
        Rebased { generation: self.generation, changes: self.changes, log: self.log, draft }
    }
}
