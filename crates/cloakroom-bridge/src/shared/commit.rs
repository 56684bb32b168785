//! Executing a plan on records that another application also writes.

use std::sync::Arc;

use cloakroom_session::factory::{
    Collisions, Commit, CookiePayload, FrameworkData, Plan, Record, Rejected, Retries, TimeLimit, random,
};
use cloakroom_session::meter::{self, Event};
use cloakroom_session::{Error, Timestamp};

use super::factory::SharedRecords;
use super::format::{RecordFormat, TouchMode};
use super::outcome::CommitOutcome;
use super::store::{ForeignStore, SwapOutcome};
use crate::cookie_format::SealContext;

impl<F: RecordFormat, S: ForeignStore> SharedRecords<F, S> {
    pub(crate) async fn carry_out(&self, commit: &Commit) -> Result<CommitOutcome, Error> {
        let (session, now) = (commit.session(), commit.now());
        let mut retries = Retries::within(self.commit_timeout);
        let id = self.raw_id(session.base().foreign(self.format.framework()));
        match (commit.plan(), id) {
            (Plan::Create, _) => {
                let (id, record) = self.create(commit, retries.limit()).await?;
                Ok(CommitOutcome::Kept(id, record))
            }
            (Plan::EndThenCreate, _) => {
                // End first: if the rest fails, the visitor is signed out, which is the safe
                // outcome.
                self.end(session.ended_foreign()).await?;
                let (id, record) = self.create(commit, retries.limit()).await?;
                Ok(CommitOutcome::Kept(id, record))
            }
            (Plan::End, _) => {
                let was_there = self.end(session.ended_foreign()).await?;
                Ok(CommitOutcome::Ended { was_there })
            }
            (Plan::Touch, Some(id)) if self.format.touch_mode() == TouchMode::Expiry => {
                let record = Arc::unwrap_or_clone(commit.record());
                let there = self.call("touch", self.store.touch(id, record.times().ends(), now)).await?;
                Ok(if there { CommitOutcome::Kept(id.to_owned(), record) } else { CommitOutcome::Dropped })
            }
            (Plan::Touch | Plan::Replace, Some(id)) => self.replace(commit, id, &mut retries).await,
            (Plan::Cycle, Some(id)) => self.cycle(commit, id, &mut retries).await,
            (Plan::Drop(_), _) => Ok(CommitOutcome::Dropped),
            _ => Ok(CommitOutcome::Untouched),
        }
    }

    /// Returns the session's id in the framework's store.
    pub(crate) fn raw_id<'a>(&self, foreign: Option<&'a FrameworkData>) -> Option<&'a str> {
        foreign.filter(|foreign| foreign.framework() == self.format.framework())?.id()
    }

    fn sealed(&self, id: &str, record: &Record, now: Timestamp) -> Result<Vec<u8>, Error> {
        let sealing_random = random()?;
        let context = SealContext::new(self.cookie.name(), now, &self.lifetimes, &sealing_random);
        let sealed = self.format.seal(id, record, context.with_cookie(&self.cookie))?;
        meter::written(CookiePayload::Id, || sealed.len());
        Ok(sealed)
    }

    async fn create(&self, commit: &Commit, limit: TimeLimit) -> Result<(String, Record), Error> {
        let (mut record, now) = (Arc::unwrap_or_clone(commit.record()), commit.now());
        // A retry of the same commit must produce the same id, or the first record would be
        // orphaned.
        let mut id = match commit.new_id() {
            Some(id) => self.first_id(id),
            None => self.format.fresh_id(&random()?),
        };
        let mut collisions = Collisions::default();
        loop {
            let sealed = self.sealed(&id, &record, now)?;
            let ends = record.times().ends();
            if self.call_by(limit, "create", self.store.create(&id, &sealed, ends, now)).await? {
                self.remember(&mut record, &id, &sealed);
                return Ok((id, record));
            }
            if commit.is_resumed()
                && let Ok(there) = self.find(&id, now).await?
                && commit.has_written(&there)
            {
                return Ok((id, there));
            }
            collisions.record()?;
            id = self.format.fresh_id(&random()?);
        }
    }

    async fn replace(&self, commit: &Commit, id: &str, retries: &mut Retries) -> Result<CommitOutcome, Error> {
        let (session, now) = (commit.session(), commit.now());
        let mut base = session.base().clone();
        let mut record = Arc::unwrap_or_clone(commit.record());
        loop {
            let sealed = self.sealed(id, &record, now)?;
            let (seen, ends) = (self.seen(&base), record.times().ends());
            match self.call_by(retries.limit(), "replace", self.store.replace(id, seen, &sealed, ends, now)).await? {
                SwapOutcome::Done => {
                    self.remember(&mut record, id, &sealed);
                    return Ok(CommitOutcome::Kept(id.to_owned(), record));
                }
                SwapOutcome::Gone => return Ok(CommitOutcome::Dropped),
                SwapOutcome::Conflict => {}
            }
            let Some(newest) = self.newest(commit, id, retries).await? else { return Ok(CommitOutcome::Dropped) };
            if commit.has_written(&newest) {
                return Ok(CommitOutcome::Kept(id.to_owned(), newest));
            }
            record = self.replay(commit, &newest)?;
            base = newest;
        }
    }

    async fn cycle(&self, commit: &Commit, id: &str, retries: &mut Retries) -> Result<CommitOutcome, Error> {
        let now = commit.now();
        let mut base = commit.session().base().clone();
        let (new, mut record) = self.create(commit, retries.limit()).await?;
        loop {
            match self.call_by(retries.limit(), "end", self.store.end_if(id, self.seen(&base), now)).await? {
                SwapOutcome::Done => return Ok(CommitOutcome::Kept(new, record)),
                // An earlier attempt of this commit ended it; its answer was lost.
                SwapOutcome::Gone if commit.is_resumed() => return Ok(CommitOutcome::Kept(new, record)),
                SwapOutcome::Gone => break,
                SwapOutcome::Conflict => {}
            }
            // Another request wrote to the old record: its changes must not be lost.
            let Some(newest) = self.newest(commit, id, retries).await? else { break };
            let mut replayed = self.replay(commit, &newest)?;
            let sealed = self.sealed(&new, &replayed, now)?;
            let (seen, ends) = (self.seen(&record), replayed.times().ends());
            self.call_by(retries.limit(), "replace", self.store.replace(&new, seen, &sealed, ends, now)).await?;
            self.remember(&mut replayed, &new, &sealed);
            (base, record) = (newest, replayed);
        }
        // The session ended in the meantime, so the record that was to replace it is ended too.
        self.call("end", self.store.end(&new)).await?;
        Ok(CommitOutcome::Dropped)
    }

    fn seen<'a>(&self, record: &'a Record) -> &'a [u8] {
        record.foreign(self.format.framework()).and_then(FrameworkData::seen).unwrap_or_default()
    }

    /// Loads the record that another request wrote; `None` if the session has ended.
    async fn newest(&self, commit: &Commit, id: &str, retries: &mut Retries) -> Result<Option<Record>, Error> {
        retries.conflict(commit).await?;
        let load = self.store.load_dated(id, commit.now());
        let loaded = self.call_by(retries.limit(), "load", load).await?;
        match self.read(id, loaded, commit.now()) {
            Ok(newest) => Ok(Some(newest)),
            Err(Rejected::Unknown | Rejected::Expired(_)) => Ok(None),
            Err(why) => Err(Error::corrupt(why.to_string())),
        }
    }

    /// Replays the session on a record that another request wrote.
    fn replay(&self, commit: &Commit, newest: &Record) -> Result<Record, Error> {
        meter::event(CookiePayload::Id, Event::Replayed);
        let mut record = cloakroom_session::factory::replay(commit, newest, self.conflicts)?;
        commit.mark(&mut record);
        Ok(record)
    }

    async fn end(&self, foreign: Option<&FrameworkData>) -> Result<bool, Error> {
        match self.raw_id(foreign) {
            Some(id) => self.call("end", self.store.end(id)).await,
            None => Ok(false),
        }
    }
}
