//! How a commit is carried out: one step in the store, and again on a newer version if another
//! request came first.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::{
    Carrier, Commit, Error, Plan, Record, SessionId, SessionState, StoreKey, Timestamp, Version, fresh_id, meter,
    meter::Event,
};

use crate::builder::AtLimit;
use crate::call::{Operation, within};
use crate::queue::Latest;
use crate::store::{Created, Entry, Owned, Replaced, Store};
use crate::stored_sessions::{Found, StoredSessions};
use crate::walks::all_owned;

/// Give up after this many collisions: with 256 random bits even one means that the generator is broken.
const MOST_COLLISIONS: usize = 4;

/// A write that may meet others. One reference to it goes from call to call, whose futures would
/// keep each part of it twice.
struct Write<'a> {
    commit: &'a Commit,
    key: &'a StoreKey,
    step: &'a Step,
}

enum Step {
    Replace,
    Cycle(SessionId),
}

enum Written {
    Yes(Version, Arc<Record>),
    Dropped,
}

impl Written {
    fn under(self, id: SessionId) -> Outcome {
        match self {
            Self::Yes(version, record) => Outcome::Kept(id, version, record),
            Self::Dropped => Outcome::Dropped,
        }
    }
}

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
                let write = Write { commit, key: &key, step: &Step::Replace };
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
                && let Some((version, _)) = self.find_own(commit, &key).await?
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
    async fn find_own(&self, commit: &Commit, key: &StoreKey) -> Result<Option<(Version, Arc<Record>)>, Error> {
        Ok(match self.load(key, commit.now()).await? {
            Found::Live(version, record) if commit.has_written(&record) => Some((version, record)),
            Found::Live(..) | Found::Moved | Found::Absent => None,
        })
    }

    /// Replaces the version that the session was opened at, or a newer one, on which it is replayed.
    async fn write(&self, write: &Write<'_>) -> Result<Written, Error> {
        let written = within(self.patience.commit, async {
            // A commit of this process that went before leaves what it wrote.
            let mut latest = self.queues.wait(write.key).await;
            self.attempts(write, &mut latest).await
        });
        written.await.unwrap_or_else(|| {
            let patience = self.patience.commit;
            Err(Error::unavailable(format!(
                "other requests kept committing for {patience:?}, and the change was not written"
            )))
        })
    }

    async fn attempts(&self, write: &Write<'_>, latest: &mut Latest) -> Result<Written, Error> {
        let (commit, now) = (write.commit, write.commit.now());
        let mut seen = commit.session().version().clone();
        let mut record = commit.record();
        if let Some((version, newest)) = latest.take().filter(|(version, _)| *version > seen) {
            let newest = newest.record(write.key)?;
            if self.has_done(write, &newest) {
                return Ok(Written::Yes(version, newest));
            }
            record = self.again(commit, &newest)?;
            seen = version;
        }
        for attempt in 0_u32.. {
            let entry = Entry::of(Arc::clone(&record));
            let answer = match write.step {
                Step::Replace => {
                    let replace = self.store.replace(write.key, seen, &entry, now);
                    self.call(Operation::Replace, Some(write.key), replace).await?
                }
                Step::Cycle(id) => {
                    let (new, until) = (id.store_key(), now + self.grace);
                    let cycle = self.store.cycle(write.key, seen, &new, &entry, until, now);
                    self.call(Operation::Cycle, Some(write.key), cycle).await?
                }
            };
            match answer {
                Replaced::Yes(version) => {
                    meter::written(Carrier::Id, || entry.text().len());
                    *latest = Some((version.clone(), entry)).filter(|_| matches!(write.step, Step::Replace));
                    return Ok(Written::Yes(version, record));
                }
                Replaced::Gone => return self.gone(write).await,
                Replaced::Conflict => {}
            }
            // Another request committed first. Those in other processes that met us here should not
            // all come back at once.
            if attempt > 0 {
                tokio::time::sleep(jitter(attempt)?).await;
            }
            match self.load(write.key, now).await? {
                Found::Live(version, newest) if self.has_done(write, &newest) => {
                    return Ok(Written::Yes(version, newest));
                }
                Found::Live(version, newest) => {
                    record = self.again(commit, &newest)?;
                    seen = version;
                }
                Found::Moved | Found::Absent => return self.gone(write).await,
            }
        }
        Ok(Written::Dropped)
    }

    /// Whether an earlier attempt of this commit, whose answer was lost, has written this record or
    /// one that it came from.
    fn has_done(&self, write: &Write<'_>, newest: &Record) -> bool {
        matches!(write.step, Step::Replace) && write.commit.has_written(newest)
    }

    /// The session isn't under its key any more: it has ended, or an earlier attempt of this very
    /// commit, whose answer was lost, has moved it.
    async fn gone(&self, write: &Write<'_>) -> Result<Written, Error> {
        let Step::Cycle(id) = write.step else { return Ok(Written::Dropped) };
        if !write.commit.is_resumed() {
            return Ok(Written::Dropped);
        }
        let own = self.find_own(write.commit, &id.store_key()).await?;
        Ok(own.map_or(Written::Dropped, |(version, record)| Written::Yes(version, record)))
    }

    /// Replays the session on a version that another request wrote.
    fn again(&self, commit: &Commit, newest: &Record) -> Result<Arc<Record>, Error> {
        self.counters.count(Event::Replayed);
        let mut record = cloakroom_session::replay(commit, newest, self.conflicts)?;
        commit.mark(&mut record);
        Ok(Arc::new(record))
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
        let leaving = self.admit(commit).await?;
        let new = commit.new_id().map_or_else(fresh_id, Ok)?;
        let written = self.write(&Write { commit, key, step: &Step::Cycle(new) }).await?;
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

/// A pause of a random length, longer after each attempt.
fn jitter(attempt: u32) -> Result<Duration, Error> {
    let longest = 1_u64 << attempt.min(6);
    let [byte] = cloakroom_session::random::<1>()?;
    // Never none at all: the others must get their turn.
    Ok(Duration::from_micros(1 + longest * 1000 * u64::from(byte) / 255))
}
