//! Executes a commit: one store operation, replayed on a newer version after a conflict.

use std::future::Future;
use std::sync::Arc;

use cloakroom_session::factory::{
    Collisions, Commit, CookiePayload, Plan, Record, Retries, SessionId, StoreKey, Version, fresh_id,
};
use cloakroom_session::{Error, Timestamp, meter};

use super::StoredSessions;
use super::call::Operation;
use super::limit::Surplus;
use super::outcome::{Found, Outcome, Written};
use super::write::{Step, Write};
use crate::deadline::Course;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::skew::time_for_ends;
use crate::store::{Created, Loaded, Store};

/// The number of ids derived for a move. A store that accepts one key in a thousand refuses all of
/// them in one of 10^43 moves.
const MOST_DERIVED: u32 = 100_000;

impl<S: Store> StoredSessions<S> {
    /// Executes a commit. Each plan has a separate function, so that the future is only as large as
    /// the largest of them.
    pub(crate) async fn carry_out(&self, commit: &Commit) -> Result<Outcome, Error> {
        let session = commit.session();
        match (commit.plan(), session.id().zip(session.store_key())) {
            (Plan::Create | Plan::EndThenCreate, _) => match session.sent_reserved_id() {
                // Boxed like a cycle.
                Some(id) => Box::pin(self.begin_reserved(commit, id)).await,
                None => self.begin(commit).await,
            },
            (Plan::End, _) => {
                let was_there = self.end(commit, &mut self.course(commit)).await?;
                Ok(Outcome::Ended { was_there })
            }
            (Plan::Touch, Some((id, key))) => self.touch(commit, id, &key).await,
            (Plan::Replace, Some((id, key))) => {
                let write = Write { commit, key: &key, seen: session.version(), step: &Step::Replace };
                Ok(self.write(&write, &mut self.course(commit)).await?.under(id))
            }
            // Boxed because it is the largest future and rare, so that the others stay small.
            (Plan::Cycle, Some((_, key))) => Box::pin(self.cycle(commit, &key)).await,
            (Plan::IssueToken, _) => Ok(Outcome::TokenIssued),
            (Plan::Drop(_), _) => Ok(Outcome::Dropped),
            _ => Ok(Outcome::Untouched),
        }
    }

    /// Starts the clock of a commit.
    pub(super) fn course(&self, commit: &Commit) -> Course {
        Course::new(Retries::within(self.patience.commit), commit.is_resumed())
    }

    /// Makes a call, and retries it while it gets no answer, until the commit's deadline.
    pub(crate) async fn insist<T, F>(
        &self,
        course: &mut Course,
        operation: Operation,
        key: Option<&StoreKey>,
        call: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            match self.call_by(course.limit(), operation, key, call()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => course.take(error).await?,
            }
        }
    }

    /// Creates a new session, after ending the invalidated one if there was one.
    async fn begin(&self, commit: &Commit) -> Result<Outcome, Error> {
        let mut course = self.course(commit);
        let surplus = self.admit(commit, &mut course).await?;
        // End the old session first: if the rest fails, the visitor is signed out, which is the
        // safe outcome.
        self.end(commit, &mut course).await?;
        course.unsure = commit.is_resumed();
        let (id, version) = self.create(commit, &mut course).await?;
        self.dismiss(surplus, commit, id, &course).await;
        Ok(Outcome::Kept(id, version, commit.record()))
    }

    /// Creates the session under its reserved id, or writes to the one that another request has
    /// created there.
    async fn begin_reserved(&self, commit: &Commit, id: SessionId) -> Result<Outcome, Error> {
        let key = id.store_key();
        if commit.begins_reserved() {
            let write = Write { commit, key: &key, seen: &Version::default(), step: &Step::Begin };
            return Ok(self.write(&write, &mut self.course(commit)).await?.under(id));
        }
        let mut course = self.course(commit);
        let surplus = self.admit(commit, &mut course).await?;
        let session = commit.session();
        let entry = Entry::of(session.touched(session.base().clone(), commit.now()));
        let create = || self.store.create(&key, &entry, commit.now());
        let seen = match self.insist(&mut course, Operation::Create, Some(&key), create).await? {
            Created::Yes(version) => version,
            Created::Taken => Version::default(),
        };
        self.move_from(commit, &key, &seen, surplus, course).await
    }

    /// Stores the new record under the commit's id, or under another one if that is taken.
    async fn create(&self, commit: &Commit, course: &mut Course) -> Result<(SessionId, Version), Error> {
        let entry = Entry::of(commit.record());
        let (mut id, mut collisions) = (self.new_id(commit)?, Collisions::default());
        loop {
            let key = id.store_key();
            let created = self.create_under(commit, &key, &entry, course).await;
            let created = created.inspect_err(|_| self.abandon(&key, commit.now(), course))?;
            if let Some(version) = created {
                meter::written(CookiePayload::Id, || entry.text().len());
                return Ok((id, version));
            }
            collisions.record()?;
            id = fresh_id()?;
        }
    }

    /// Stores a new record under a key. Returns `None` if the key is taken.
    async fn create_under(
        &self,
        commit: &Commit,
        key: &StoreKey,
        entry: &Entry,
        course: &mut Course,
    ) -> Result<Option<Version>, Error> {
        loop {
            let create = self.store.create(key, entry, commit.now());
            match self.call_by(course.limit(), Operation::Create, Some(key), create).await {
                Ok(Created::Yes(version)) => return Ok(Some(version)),
                Ok(Created::Taken) if !course.unsure => return Ok(None),
                Ok(Created::Taken) => return Ok(self.find_own(commit, key, course).await?.map(|(version, _)| version)),
                Err(error) => course.take(error).await?,
            }
            if let Some((version, _)) = self.find_own(commit, key, course).await? {
                return Ok(Some(version));
            }
        }
    }

    /// Returns the id for a new or moved session. A retry reuses the id of the earlier attempt,
    /// unless that session is already being ended as an orphan.
    fn new_id(&self, commit: &Commit) -> Result<SessionId, Error> {
        let kept = commit.new_id().filter(|id| !commit.is_resumed() || self.orphans.take_back(&id.store_key()));
        kept.map_or_else(fresh_id, Ok)
    }

    /// Schedules the end of a session whose commit failed with an unknown outcome: no browser has
    /// its id.
    fn abandon(&self, key: &StoreKey, now: Timestamp, course: &Course) {
        if course.unsure {
            self.orphans.add(&self.store, self.patience.call, *key, now);
        }
    }

    /// Returns the commit with another id for its session, if the store can't move the session to
    /// the key of the given one.
    ///
    /// The id is derived from the given one, so a retry of the commit has the same.
    pub(crate) fn movable(&self, commit: &Commit) -> Result<Option<Box<Commit>>, Error> {
        let session = commit.session();
        let old = match commit.plan() {
            Plan::Cycle => session.store_key(),
            Plan::Create | Plan::EndThenCreate if !commit.begins_reserved() => {
                session.sent_reserved_id().map(|id| id.store_key())
            }
            Plan::Create | Plan::EndThenCreate | Plan::Replace | Plan::Touch | Plan::End => None,
            Plan::Nothing | Plan::IssueToken | Plan::Drop(_) | _ => None,
        };
        let Some((old, given)) = old.zip(commit.new_id()) else { return Ok(None) };
        if self.store.can_cycle(&old, &given.store_key()) {
            return Ok(None);
        }
        let mut ids = (1..=MOST_DERIVED).map(|number| given.derived(number));
        match ids.find(|id| self.store.can_cycle(&old, &id.store_key())) {
            Some(id) => Ok(Some(Box::new(commit.clone().beginning_as(id)))),
            None => Err(StoreError::unavailable("the store accepts no key for a move").into()),
        }
    }

    /// Finds the record of this commit under a key, if an earlier attempt has written it.
    pub(crate) async fn find_own(
        &self,
        commit: &Commit,
        key: &StoreKey,
        course: &mut Course,
    ) -> Result<Option<(Version, Arc<Record>)>, Error> {
        let load = || self.store.load_latest(key, commit.now());
        let loaded = self.insist(course, Operation::Load, Some(key), load).await?;
        Ok(match Found::under(key, loaded)? {
            Found::Live(version, record) if commit.has_written(&record) => Some((version, record)),
            Found::Live(..) | Found::Moved | Found::Absent => None,
        })
    }

    /// Ends the new session of a half-finished move, in a store that moves in two steps.
    pub(crate) async fn undo_half(&self, commit: &Commit, key: &StoreKey, course: &mut Course) -> Result<(), Error> {
        if self.find_own(commit, key, course).await?.is_some() {
            self.insist(course, Operation::End, Some(key), || self.store.end(key, time_for_ends(commit.now()))).await?;
        }
        Ok(())
    }

    async fn touch(&self, commit: &Commit, id: SessionId, key: &StoreKey) -> Result<Outcome, Error> {
        let record = commit.record();
        let there = self.touch_once(commit, key, *record.times()).await?;
        // The number alone: the stored value is no longer the one that was loaded.
        let version = Version::new(commit.session().version().number());
        Ok(if there { Outcome::Kept(id, version, record) } else { Outcome::Dropped })
    }

    async fn cycle(&self, commit: &Commit, key: &StoreKey) -> Result<Outcome, Error> {
        let mut course = self.course(commit);
        let surplus = self.admit(commit, &mut course).await?;
        self.move_from(commit, key, commit.session().version(), surplus, course).await
    }

    /// Moves the session from `key` to the commit's id, with the commit's changes.
    async fn move_from(
        &self,
        commit: &Commit,
        key: &StoreKey,
        seen: &Version,
        surplus: Surplus,
        mut course: Course,
    ) -> Result<Outcome, Error> {
        course.unsure = commit.is_resumed();
        let new = self.new_id(commit)?;
        let step = Step::Cycle(new);
        let written = self.write(&Write { commit, key, seen, step: &step }, &mut course).await;
        let written = written.inspect_err(|_| self.abandon(&new.store_key(), commit.now(), &course))?;
        if matches!(written, Written::Yes(..)) {
            self.dismiss(surplus, commit, new, &course).await;
        }
        Ok(written.under(new))
    }

    /// Ends the session that a commit ends, following tombstones. Returns whether it was there.
    ///
    /// If the answer to an earlier call was lost and the session is now gone, either that call or
    /// another request ended it. The browser then keeps its cookie, which may belong to a newer
    /// session.
    async fn end(&self, commit: &Commit, course: &mut Course) -> Result<bool, Error> {
        let Some(id) = commit.ended_id() else { return Ok(false) };
        let key = id.store_key();
        loop {
            let end = self.store.end(&key, time_for_ends(commit.now()));
            match self.call_by(course.limit(), Operation::End, Some(&key), end).await {
                Ok(was_there) => return Ok(was_there),
                Err(error) => course.take(error).await?,
            }
            let load = || self.store.load_latest(&key, commit.now());
            if self.insist(course, Operation::Load, Some(&key), load).await? == Loaded::Absent {
                return Ok(false);
            }
        }
    }
}
