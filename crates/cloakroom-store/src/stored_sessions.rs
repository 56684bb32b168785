//! The factory that keeps a record in a store and an id in the cookie.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::{
    Carrier, Committed, ConflictPolicy, CookieHeader, CookieTemplate, CookieUpdate, Error, Lifetimes, Plan, Record,
    SessionFactory, SessionId, SessionState, SetCookie, StoreKey, Timestamp, Version, fresh_id, fresh_token,
};

use crate::builder::{AtLimit, Patience, StoredSessionsBuilder};
use crate::error::StoreError;
use crate::queue::{Latest, Queues};
use crate::stats::{Counters, Event, Stats};
use crate::store::{Created, Entry, Loaded, Owned, Replaced, Store};

/// A browser sends one cookie of ours. More of them are a mistake or an attack, and each costs a round trip.
const MOST_COOKIES: usize = 4;

/// One collision is a miracle. After some more there is no point in asking the same generator again.
const MOST_COLLISIONS: usize = 4;

/// The factory that keeps a record in a [`Store`] and an id in the cookie.
///
/// Two requests that change different things both win: what a request did is done again on the newest version if somebody else
/// committed first. A session that was ended stays ended: a request that still runs drops its changes, and sends no cookie.
///
/// # Security
/// The store sees the SHA-256 of an id, never the id: a stolen store opens no session (CVE-2019-16782). An id that a client
/// invented is not adopted; it is a new session, under a new id.
///
/// # Examples
/// ```
/// use cloakroom_store::{MemoryStore, StoredSessions};
///
/// let sessions = StoredSessions::new(MemoryStore::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
pub struct StoredSessions<S> {
    pub(crate) store: Arc<S>,
    pub(crate) cookie: CookieTemplate,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) conflicts: ConflictPolicy,
    pub(crate) patience: Patience,
    pub(crate) grace: Duration,
    pub(crate) owner_limit: Option<(usize, AtLimit)>,
    pub(crate) queues: Queues,
    pub(crate) counters: Counters,
}

impl<S: Store> StoredSessions<S> {
    /// Sessions in this store. An `Arc` of a store may be shared with others.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(store: impl Into<Arc<S>>) -> StoredSessionsBuilder<S> {
        StoredSessionsBuilder::new(store.into())
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// How often what happened since it was built.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Gives a call of the store its time.
    pub(crate) async fn call<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match tokio::time::timeout(self.patience.call, call).await {
            Ok(answer) => answer,
            Err(_) => Err(StoreError::timed_out()),
        }
    }

    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Found, StoreError> {
        Ok(match self.call(self.store.load(key, now)).await? {
            Loaded::Live(version, entry) => Found::Live(version, record_of(key, &entry)?),
            Loaded::Moved => Found::Moved,
            Loaded::Absent => Found::Absent,
        })
    }

    /// Keeps a new record, under the id that is returned.
    async fn create(&self, record: &Record, now: Timestamp) -> Result<(SessionId, Version), Error> {
        for _ in 0..MOST_COLLISIONS {
            let id = fresh_id()?;
            match self.call(self.store.create(&id.store_key(), &entry_of(record), now)).await? {
                Created::Yes(version) => return Ok((id, version)),
                // Of 256 random bits this doesn't happen; of a broken generator it must not become somebody else's session.
                Created::Taken => tracing::error!("a fresh session id was taken: is the random generator broken?"),
            }
        }
        Err(Error::unavailable(format!(
            "{MOST_COLLISIONS} fresh session ids were taken: is the random generator broken?"
        )))
    }

    /// Writes a session in the place of the version that it was opened at, or of a newer one, on which it is done again.
    async fn write(&self, session: &SessionState, id: SessionId, step: Step, now: Timestamp) -> Result<Written, Error> {
        let key = id.store_key();
        let commit = async {
            // Whoever commits before us in this process leaves what it wrote.
            let mut latest = self.queues.wait(&key).await;
            self.attempts(session, &key, step, &mut latest, now).await
        };
        match tokio::time::timeout(self.patience.commit, commit).await {
            Ok(written) => written,
            Err(_) => {
                let patience = self.patience.commit;
                Err(Error::unavailable(format!(
                    "others kept committing for {patience:?}, and the change found no place"
                )))
            }
        }
    }

    async fn attempts(
        &self,
        session: &SessionState,
        key: &StoreKey,
        step: Step,
        latest: &mut Latest,
        now: Timestamp,
    ) -> Result<Written, Error> {
        let mut seen = session.version();
        let mut record = session.outcome(now, fresh_token)?;
        if let Some((version, newest)) = latest.take().filter(|(version, _)| *version > seen) {
            record = self.again(session, &newest, now)?;
            seen = version;
        }
        for attempt in 0_u32.. {
            let answer = match step {
                Step::Replace => self.call(self.store.replace(key, seen, &entry_of(&record), now)).await?,
                Step::Cycle(new) => {
                    let until = now + self.grace;
                    self.call(self.store.cycle(key, seen, &new.store_key(), &entry_of(&record), until, now)).await?
                }
            };
            match answer {
                Replaced::Yes(version) => {
                    *latest = Some((version, record.clone())).filter(|_| matches!(step, Step::Replace));
                    return Ok(Written::Yes(version, record));
                }
                Replaced::Gone => return Ok(Written::Dropped),
                Replaced::Conflict => {}
            }
            // Somebody else committed first. Those in other processes that met us here shouldn't all come back at once.
            if attempt > 0 {
                tokio::time::sleep(jitter(attempt)?).await;
            }
            match self.load(key, now).await? {
                Found::Live(version, newest) => {
                    record = self.again(session, &newest, now)?;
                    seen = version;
                }
                Found::Moved | Found::Absent => return Ok(Written::Dropped),
            }
        }
        Ok(Written::Dropped)
    }

    /// What the session becomes on a version that somebody else wrote.
    fn again(&self, session: &SessionState, newest: &Record, now: Timestamp) -> Result<Record, Error> {
        self.counters.count(Event::Replayed);
        tracing::debug!(changes = session.log().len(), "session changes done again on a newer version");
        let replayed = session.log().replay(session.base(), newest, self.conflicts)?;
        Ok(session.touched(replayed, now))
    }

    /// Makes sure that an owner who signs in has a place, and ends the sessions that must give way.
    async fn admit(&self, session: &SessionState, now: Timestamp) -> Result<Vec<Owned>, Error> {
        let (Some((limit, at_limit)), Some(owner)) = (self.owner_limit, session.record().owner()) else {
            return Ok(Vec::new());
        };
        if session.base().owner() == Some(owner) {
            return Ok(Vec::new());
        }
        let mut owned = self.call(self.store.owned(owner, now)).await?;
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

    async fn settle(&self, session: &SessionState, plan: Plan, now: Timestamp) -> Result<Settled, Error> {
        Ok(match (plan, session.id()) {
            (Plan::Create, _) => {
                let leaving = self.admit(session, now).await?;
                let record = session.outcome(now, fresh_token)?;
                let (id, version) = self.create(&record, now).await?;
                self.dismiss(leaving, now).await;
                Settled::Kept(id, version, record)
            }
            (Plan::EndThenCreate, _) => {
                let leaving = self.admit(session, now).await?;
                let record = session.outcome(now, fresh_token)?;
                // The new one first: if ending the old one fails, the request fails, and nobody knows the new one's id.
                let (id, version) = self.create(&record, now).await?;
                self.end(session.ended_id(), now).await?;
                self.dismiss(leaving, now).await;
                Settled::Kept(id, version, record)
            }
            (Plan::End, _) => {
                self.end(session.ended_id(), now).await?;
                Settled::Ended
            }
            (Plan::Touch, Some(id)) => {
                let record = session.touched(session.record().clone(), now);
                let clockwork = *record.clockwork();
                let key = id.store_key();
                let there = self.call(self.store.touch(&key, clockwork.touched, clockwork.ends(), now)).await?;
                if there { Settled::Kept(id, session.version(), record) } else { Settled::Dropped }
            }
            (Plan::Replace, Some(id)) => match self.write(session, id, Step::Replace, now).await? {
                Written::Yes(version, record) => Settled::Kept(id, version, record),
                Written::Dropped => Settled::Dropped,
            },
            (Plan::Cycle, Some(id)) => {
                let leaving = self.admit(session, now).await?;
                let new = fresh_id()?;
                match self.write(session, id, Step::Cycle(new), now).await? {
                    Written::Yes(version, record) => {
                        self.dismiss(leaving.into_iter().filter(|owned| owned.key != id.store_key()).collect(), now)
                            .await;
                        Settled::Kept(new, version, record)
                    }
                    Written::Dropped => Settled::Dropped,
                }
            }
            (Plan::Drop(_), _) => Settled::Dropped,
            _ => Settled::Untouched,
        })
    }

    async fn end(&self, id: Option<SessionId>, now: Timestamp) -> Result<(), Error> {
        if let Some(id) = id {
            // Behind commits of this process, which then find it gone.
            self.call(self.store.end(&id.store_key(), now)).await?;
        }
        Ok(())
    }

    async fn dismiss(&self, leaving: Vec<Owned>, now: Timestamp) {
        for owned in leaving {
            if let Err(error) = self.call(self.store.end(&owned.key, now)).await {
                // The new session stands; the old one ends by itself, or at the next sign-in.
                tracing::warn!(key = ?owned.key, %error, "a session beyond its owner's limit wasn't ended");
            }
        }
    }

    fn count(&self, plan: Plan, settled: &Settled) {
        if matches!(settled, Settled::Dropped) {
            return self.counters.count(Event::Dropped);
        }
        let events: &[Event] = match plan {
            Plan::Create => &[Event::Created],
            Plan::Replace => &[Event::Replaced],
            Plan::Touch => &[Event::Touched],
            Plan::Cycle => &[Event::Cycled],
            Plan::End => &[Event::Ended],
            Plan::EndThenCreate => &[Event::Ended, Event::Created],
            Plan::Nothing | Plan::Drop(_) | _ => &[],
        };
        events.iter().for_each(|event| self.counters.count(*event));
    }

    fn cookie_for(&self, update: CookieUpdate, settled: &Settled, now: Timestamp) -> Vec<SetCookie> {
        match (update, settled) {
            (CookieUpdate::Set, Settled::Kept(id, _, record)) => {
                vec![self.cookie.set(&id.expose(), record.max_age(now))]
            }
            (CookieUpdate::Remove, Settled::Ended) => vec![self.cookie.remove()],
            _ => Vec::new(),
        }
    }
}

/// What is found under an id.
#[expect(clippy::large_enum_variant, reason = "it lives for a moment, on the stack")]
enum Found {
    Live(Version, Record),
    Moved,
    Absent,
}

/// What a commit that meets others writes.
#[derive(Clone, Copy)]
enum Step {
    Replace,
    Cycle(SessionId),
}

#[expect(clippy::large_enum_variant, reason = "it lives for a moment, on the stack")]
enum Written {
    Yes(Version, Record),
    Dropped,
}

/// What there is after a commit.
#[expect(clippy::large_enum_variant, reason = "it lives for a moment, on the stack")]
enum Settled {
    Kept(SessionId, Version, Record),
    Ended,
    /// It had ended meanwhile: the changes are gone, and the browser isn't told, because what it holds may be newer.
    Dropped,
    Untouched,
}

fn entry_of(record: &Record) -> Entry {
    let clockwork = record.clockwork();
    Entry::new(record.encode().into(), clockwork.created, clockwork.touched, clockwork.ends())
        .owner(record.owner().map(str::to_owned))
}

pub(crate) fn record_of(key: &StoreKey, entry: &Entry) -> Result<Record, StoreError> {
    let mut record = Record::decode(&entry.text, 0).map_err(|_| StoreError::corrupt(*key))?;
    // Touches are kept beside the text. The entry's deadline is the earlier one of two, so it never shortens the idle one.
    let idle = record.clockwork().idle_deadline.map(|idle| entry.deadline.map_or(idle, |deadline| idle.max(deadline)));
    record.restore_touch(entry.touched, idle);
    Ok(record)
}

/// A pause of a random length, longer after each attempt.
fn jitter(attempt: u32) -> Result<Duration, Error> {
    let longest = 1_u64 << attempt.min(6);
    let [byte] = cloakroom_session::random::<1>()?;
    Ok(Duration::from_micros(longest * 1000 * u64::from(byte) / 255))
}

impl<S: Store> SessionFactory for StoredSessions<S> {
    fn carrier(&self) -> Carrier {
        Carrier::Id
    }

    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let mut moved = false;
        for value in cookies.last_first(self.cookie.name()).take(MOST_COOKIES) {
            let Some(id) = SessionId::parse(value) else {
                tracing::info!(cookie = self.cookie.name(), reason = "malformed", "session cookie rejected");
                continue;
            };
            let key = id.store_key();
            match self.load(&key, now).await? {
                Found::Live(version, record) => {
                    self.counters.count(Event::Opened);
                    return Ok(SessionState::loaded(id, record, now, self.lifetimes).at_version(version));
                }
                Found::Moved => moved = true,
                Found::Absent => tracing::info!(?key, reason = "unknown", "session cookie rejected"),
            }
        }
        Ok(if moved { SessionState::detached(now, self.lifetimes) } else { SessionState::fresh(now, self.lifetimes) })
    }

    async fn commit(&self, session: SessionState, now: Timestamp) -> Result<Committed, Error> {
        let (plan, update) = session.plan(Carrier::Id, now);
        let settled = self.settle(&session, plan, now).await?;
        self.count(plan, &settled);
        let cookies = self.cookie_for(update, &settled, now);
        let session = match settled {
            Settled::Kept(id, version, record) => session.settled(Some((id, record)), now).at_version(version),
            Settled::Ended => session.settled(None, now),
            Settled::Dropped => {
                tracing::warn!(?plan, changes = session.log().len(), "session changes dropped: it has ended meanwhile");
                SessionState::detached(now, self.lifetimes)
            }
            Settled::Untouched => session,
        };
        Ok(Committed { session, cookies })
    }
}

impl<S: Store> fmt::Debug for StoredSessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSessions")
            .field("store", &self.store)
            .field("cookie", &self.cookie)
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}
