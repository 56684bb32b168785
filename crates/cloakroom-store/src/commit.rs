//! How a plan is carried out: one step in the store, and once more on a newer version if somebody else came first.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::{
    Carrier, Error, Plan, Record, SessionId, SessionState, StoreKey, Timestamp, Version, fresh_id, fresh_id_and_token,
    fresh_token, meter, meter::Event,
};

use crate::builder::AtLimit;
use crate::call::{Operation, within};
use crate::queue::Latest;
use crate::store::{Created, Entry, Owned, Replaced, Store};
use crate::stored_sessions::{Found, StoredSessions};

/// One collision is a miracle. After some more there is no point in asking the same generator again.
const MOST_COLLISIONS: usize = 4;

/// What a commit that meets others writes. One reference to it goes from call to call, whose futures would keep each part of it twice.
struct Write<'a> {
    session: &'a SessionState,
    key: &'a StoreKey,
    step: &'a Step,
    now: Timestamp,
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
    fn under(self, id: SessionId) -> Settled {
        match self {
            Self::Yes(version, record) => Settled::Kept(id, version, record),
            Self::Dropped => Settled::Dropped,
        }
    }
}

/// What there is after a commit.
pub(crate) enum Settled {
    Kept(SessionId, Version, Arc<Record>),
    Ended,
    /// It had ended meanwhile: the changes are gone, and the browser isn't told, because what it holds may be newer.
    Dropped,
    Untouched,
}

impl<S: Store> StoredSessions<S> {
    /// Keeps a new record, under this id or, if it is taken, another one.
    async fn create(
        &self,
        mut id: SessionId,
        record: &Arc<Record>,
        now: Timestamp,
    ) -> Result<(SessionId, Version), Error> {
        let entry = Entry::of(Arc::clone(record));
        for _ in 0..MOST_COLLISIONS {
            let key = id.store_key();
            match self.call(Operation::Create, Some(&key), self.store.create(&key, &entry, now)).await? {
                Created::Yes(version) => {
                    meter::written(Carrier::Id, || entry.text().len());
                    return Ok((id, version));
                }
                // Of 256 random bits this doesn't happen; of a broken generator it must not become somebody else's session.
                Created::Taken => tracing::error!("a fresh session id was taken: is the random generator broken?"),
            }
            id = fresh_id()?;
        }
        Err(Error::unavailable(format!(
            "{MOST_COLLISIONS} fresh session ids were taken: is the random generator broken?"
        )))
    }

    /// Writes a session in the place of the version that it was opened at, or of a newer one, on which it is done again.
    async fn write(&self, write: &Write<'_>) -> Result<Written, Error> {
        let written = within(self.patience.commit, async {
            // Whoever commits before us in this process leaves what it wrote.
            let mut latest = self.queues.wait(write.key).await;
            self.attempts(write, &mut latest).await
        });
        written.await.unwrap_or_else(|| {
            let patience = self.patience.commit;
            Err(Error::unavailable(format!("others kept committing for {patience:?}, and the change found no place")))
        })
    }

    async fn attempts(&self, write: &Write<'_>, latest: &mut Latest) -> Result<Written, Error> {
        let mut seen = write.session.version().clone();
        let mut record = write.session.shared_outcome(write.now, fresh_token)?;
        if let Some((version, newest)) = latest.take().filter(|(version, _)| *version > seen) {
            let newest = newest.record(write.key)?;
            record = self.again(write.session, &newest, write.now)?;
            seen = version;
        }
        for attempt in 0_u32.. {
            let entry = Entry::of(Arc::clone(&record));
            let answer = match write.step {
                Step::Replace => {
                    let replace = self.store.replace(write.key, seen, &entry, write.now);
                    self.call(Operation::Replace, Some(write.key), replace).await?
                }
                Step::Cycle(id) => {
                    let (new, until) = (id.store_key(), write.now + self.grace);
                    let cycle = self.store.cycle(write.key, seen, &new, &entry, until, write.now);
                    self.call(Operation::Cycle, Some(write.key), cycle).await?
                }
            };
            match answer {
                Replaced::Yes(version) => {
                    meter::written(Carrier::Id, || entry.text().len());
                    *latest = Some((version.clone(), entry)).filter(|_| matches!(write.step, Step::Replace));
                    return Ok(Written::Yes(version, record));
                }
                Replaced::Gone => return Ok(Written::Dropped),
                Replaced::Conflict => {}
            }
            // Somebody else committed first. Those in other processes that met us here shouldn't all come back at once.
            if attempt > 0 {
                tokio::time::sleep(jitter(attempt)?).await;
            }
            match self.load(write.key, write.now).await? {
                Found::Live(version, newest) => {
                    record = self.again(write.session, &newest, write.now)?;
                    seen = version;
                }
                Found::Moved | Found::Absent => return Ok(Written::Dropped),
            }
        }
        Ok(Written::Dropped)
    }

    /// What the session becomes on a version that somebody else wrote.
    fn again(&self, session: &SessionState, newest: &Record, now: Timestamp) -> Result<Arc<Record>, Error> {
        self.counters.count(Event::Replayed);
        tracing::debug!(changes = session.log().len(), "session changes done again on a newer version");
        let replayed = session.log().replay(session.base(), newest, self.conflicts)?;
        Ok(Arc::new(session.touched(replayed, now)))
    }

    /// Makes sure that an owner who signs in has a place, and ends the sessions that must give way.
    async fn admit(&self, session: &SessionState, now: Timestamp) -> Result<Vec<Owned>, Error> {
        let (Some((limit, at_limit)), Some(owner)) = (self.owner_limit, session.record().owner()) else {
            return Ok(Vec::new());
        };
        if session.base().owner() == Some(owner) {
            return Ok(Vec::new());
        }
        let mut owned = self.call(Operation::Owned, None, self.store.owned(owner, now)).await?;
        // What ends with this request makes room for itself.
        owned.retain(|owned| session.ended_id().is_none_or(|id| id.store_key() != owned.key));
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

    /// Carries out a plan. Each has a function of its own, so that a commit's future is as large as the largest of them and not as all.
    pub(crate) async fn settle(&self, session: &SessionState, plan: Plan, now: Timestamp) -> Result<Settled, Error> {
        match (plan, session.id().zip(session.store_key())) {
            (Plan::Create | Plan::EndThenCreate, _) => self.begin(session, now).await,
            (Plan::End, _) => self.end(session.ended_id(), now).await.map(|()| Settled::Ended),
            (Plan::Touch, Some((id, key))) => self.touch(session, id, &key, now).await,
            (Plan::Replace, Some((id, key))) => {
                let write = Write { session, key: &key, step: &Step::Replace, now };
                Ok(self.write(&write).await?.under(id))
            }
            // The largest, and rare: the others needn't have room for it.
            (Plan::Cycle, Some((_, key))) => Box::pin(self.cycle(session, &key, now)).await,
            (Plan::Drop(_), _) => Ok(Settled::Dropped),
            _ => Ok(Settled::Untouched),
        }
    }

    /// A new session, perhaps in the place of one that was invalidated.
    async fn begin(&self, session: &SessionState, now: Timestamp) -> Result<Settled, Error> {
        let leaving = self.admit(session, now).await?;
        let (id, token) = fresh_id_and_token()?;
        let record = session.shared_outcome(now, || Ok::<_, Error>(token))?;
        // The new one first: if ending the old one fails, the request fails, and nobody knows the new one's id.
        let (id, version) = self.create(id, &record, now).await?;
        self.end(session.ended_id(), now).await?;
        self.dismiss(leaving, now).await;
        Ok(Settled::Kept(id, version, record))
    }

    async fn touch(
        &self,
        session: &SessionState,
        id: SessionId,
        key: &StoreKey,
        now: Timestamp,
    ) -> Result<Settled, Error> {
        let record = Arc::new(session.touched(session.record().clone(), now));
        let clockwork = record.clockwork();
        let touch = self.store.touch(key, clockwork.touched, clockwork.ends(), now);
        let there = self.call(Operation::Touch, Some(key), touch).await?;
        // The number alone: what is there isn't what was loaded any more.
        let version = Version::new(session.version().number());
        Ok(if there { Settled::Kept(id, version, record) } else { Settled::Dropped })
    }

    async fn cycle(&self, session: &SessionState, key: &StoreKey, now: Timestamp) -> Result<Settled, Error> {
        let leaving = self.admit(session, now).await?;
        let new = fresh_id()?;
        let written = self.write(&Write { session, key, step: &Step::Cycle(new), now }).await?;
        if matches!(written, Written::Yes(..)) {
            self.dismiss(leaving.into_iter().filter(|owned| owned.key != *key).collect(), now).await;
        }
        Ok(written.under(new))
    }

    async fn end(&self, id: Option<SessionId>, now: Timestamp) -> Result<(), Error> {
        if let Some(id) = id {
            // Behind commits of this process, which then find it gone.
            let key = id.store_key();
            self.call(Operation::End, Some(&key), self.store.end(&key, now)).await?;
        }
        Ok(())
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
    Ok(Duration::from_micros(longest * 1000 * u64::from(byte) / 255))
}
