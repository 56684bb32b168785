//! How a commit is carried out: one step in the store, and again on a newer version if another
//! request came first.

use std::sync::Arc;

use cloakroom_session::{
    Carrier, Commit, Error, Plan, Record, SessionId, SessionState, StoreKey, Timestamp, Version, fresh_id, meter,
};

use crate::builder::AtLimit;
use crate::call::Operation;
use crate::deadline::Deadline;
use crate::store::{Created, Entry, Owned, Store};
use crate::stored_sessions::{Found, StoredSessions};
use crate::walks::all_owned;
use crate::write::{Step, Write, Written};

/// Give up after this many collisions: with 256 random bits even one means that the generator is broken.
const MOST_COLLISIONS: usize = 4;

/// The state of the store after a commit.
pub(crate) enum Outcome {
    Kept(SessionId, Version, Arc<Record>),
    Ended {
        was_there: bool,
    },
    /// The session had ended in the meantime. The changes are gone, and no cookie is sent, because
    /// the one that the browser has may be newer.
    Dropped,
    Untouched,
}

impl Written {
    fn under(self, id: SessionId) -> Outcome {
        match self {
            Self::Yes(version, record) => Outcome::Kept(id, version, record),
            Self::Dropped => Outcome::Dropped,
        }
    }
}

impl<S: Store> StoredSessions<S> {
    /// Carries out a commit. Each plan has a function of its own, so that the future is as large as
    /// the largest of them and not as all together.
    pub(crate) async fn carry_out(&self, commit: &Commit) -> Result<Outcome, Error> {
        let session = commit.session();
        match (commit.plan(), session.id().zip(session.store_key())) {
            (Plan::Create | Plan::EndThenCreate, _) => self.begin(commit).await,
            (Plan::End, _) => {
                let was_there = self.end(commit.ended_id(), commit.now()).await?;
                Ok(Outcome::Ended { was_there })
            }
            (Plan::Touch, Some((id, key))) => self.touch(commit, id, &key).await,
            (Plan::Replace, Some((id, key))) => {
                let deadline = Deadline::after(self.patience.commit);
                let write = Write { commit, key: &key, step: &Step::Replace, deadline };
                Ok(self.write(&write).await?.under(id))
            }
            // The largest, and rare: the others need not have room for it.
            (Plan::Cycle, Some((_, key))) => Box::pin(self.cycle(commit, &key)).await,
            (Plan::Drop(_), _) => Ok(Outcome::Dropped),
            _ => Ok(Outcome::Untouched),
        }
    }

    /// Begins a new session, perhaps in place of one that was invalidated.
    async fn begin(&self, commit: &Commit) -> Result<Outcome, Error> {
        let leaving = self.admit(commit).await?;
        // The end comes first. If the rest fails, the visitor is signed out, which is the safe half.
        self.end(commit.ended_id(), commit.now()).await?;
        let (id, version) = self.create(commit).await?;
        self.dismiss(leaving, commit.now()).await;
        Ok(Outcome::Kept(id, version, commit.record()))
    }

    /// Keeps a new record under the commit's id or, if that is taken, another one.
    async fn create(&self, commit: &Commit) -> Result<(SessionId, Version), Error> {
        let deadline = Deadline::after(self.patience.commit);
        let entry = Entry::of(commit.record());
        let mut id = commit.new_id().map_or_else(fresh_id, Ok)?;
        for _ in 0..MOST_COLLISIONS {
            let key = id.store_key();
            match self.call(Operation::Create, Some(&key), self.store.create(&key, &entry, commit.now())).await? {
                Created::Yes(version) => {
                    meter::written(Carrier::Id, || entry.text().len());
                    return Ok((id, version));
                }
                Created::Taken => {}
            }
            if commit.is_resumed()
                && let Some((version, _)) = self.find_own(commit, &key, deadline).await?
            {
                return Ok((id, version));
            }
            tracing::error!("a fresh session id was taken: is the random generator broken?");
            id = fresh_id()?;
        }
        Err(Error::unavailable(format!(
            "{MOST_COLLISIONS} fresh session ids were taken: is the random generator broken?"
        )))
    }

    /// Finds the record of this commit under a key, if an earlier attempt has written it there.
    pub(crate) async fn find_own(
        &self,
        commit: &Commit,
        key: &StoreKey,
        deadline: Deadline,
    ) -> Result<Option<(Version, Arc<Record>)>, Error> {
        Ok(match self.load_by(deadline, key, commit.now()).await? {
            Found::Live(version, record) if commit.has_written(&record) => Some((version, record)),
            Found::Live(..) | Found::Moved | Found::Absent => None,
        })
    }

    async fn touch(&self, commit: &Commit, id: SessionId, key: &StoreKey) -> Result<Outcome, Error> {
        let record = commit.record();
        let clockwork = record.clockwork();
        let touch = self.store.touch(key, clockwork.touched, clockwork.ends(), commit.now());
        let there = self.call(Operation::Touch, Some(key), touch).await?;
        // The number alone: what is there isn't what was loaded any more.
        let version = Version::new(commit.session().version().number());
        Ok(if there { Outcome::Kept(id, version, record) } else { Outcome::Dropped })
    }

    async fn cycle(&self, commit: &Commit, key: &StoreKey) -> Result<Outcome, Error> {
        let deadline = Deadline::after(self.patience.commit);
        let leaving = self.admit(commit).await?;
        let new = commit.new_id().map_or_else(fresh_id, Ok)?;
        let written = self.write(&Write { commit, key, step: &Step::Cycle(new), deadline }).await?;
        if matches!(written, Written::Yes(..)) {
            self.dismiss(leaving.into_iter().filter(|owned| owned.key != *key).collect(), commit.now()).await;
        }
        Ok(written.under(new))
    }

    /// Ends a session, wherever it has moved to; returns whether it was there.
    async fn end(&self, id: Option<SessionId>, now: Timestamp) -> Result<bool, Error> {
        let Some(id) = id else { return Ok(false) };
        let key = id.store_key();
        Ok(self.call(Operation::End, Some(&key), self.store.end(&key, now)).await?)
    }

    /// Makes sure that an owner who signs in has a place, and names the sessions that must give way.
    async fn admit(&self, commit: &Commit) -> Result<Vec<Owned>, Error> {
        let session: &SessionState = commit.session();
        let (Some((limit, at_limit)), Some(owner)) = (self.owner_limit, session.record().owner()) else {
            return Ok(Vec::new());
        };
        if session.base().owner() == Some(owner) {
            return Ok(Vec::new());
        }
        let mut owned = self.call(Operation::Owned, None, all_owned(&*self.store, owner, commit.now())).await?;
        // A session that this commit ends, or that an earlier attempt of it has begun, makes room for itself.
        let own = [commit.ended_id(), commit.new_id()].map(|id| id.map(|id| id.store_key()));
        owned.retain(|owned| !own.contains(&Some(owned.key)));
        if owned.len() < limit {
            return Ok(Vec::new());
        }
        match at_limit {
            AtLimit::RefuseNew => Err(Error::too_many_sessions(limit)),
            AtLimit::EndOldest => {
                owned.truncate(owned.len() + 1 - limit);
                Ok(owned)
            }
        }
    }

    async fn dismiss(&self, leaving: Vec<Owned>, now: Timestamp) {
        for owned in leaving {
            if let Err(error) = self.call(Operation::End, Some(&owned.key), self.store.end(&owned.key, now)).await {
                // The new session stands; the old one ends by itself, or at the next sign-in.
                tracing::warn!(key = ?owned.key, %error, "a session beyond its owner's limit wasn't ended");
            }
        }
    }
}
