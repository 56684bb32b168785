//! A custom factory: records in memory, an id in the cookie, and a list of the store calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_session::factory::{
    After, Commit, Committed, CookieHeader, CookiePayload, CookieTemplate, CookieUpdate, Plan, Record, SessionFactory,
    SessionId, SessionState, StoreKey, Version, replay,
};
use cloakroom_session::{ConflictPolicy, CookieConfig, Error, Lifetimes, Timestamp};

use crate::support::NAME;

#[derive(Clone, Debug)]
pub(crate) struct MemorySessions(Arc<Memory>);

#[derive(Debug)]
struct Memory {
    cookie: CookieTemplate,
    store: Mutex<HashMap<StoreKey, Entry>>,
    calls: Mutex<Vec<&'static str>>,
    fault: Mutex<Fault>,
}

#[derive(Clone, Debug)]
enum Entry {
    Here(Version, Box<Record>),
    /// A tombstone: the id was cycled recently. Holds the new key.
    Moved(StoreKey),
}

/// A fault of the store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// The store does nothing.
    Down,
    /// The store carries out each call, but its reply is lost.
    Lost,
}

impl MemorySessions {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Memory {
            cookie: CookieConfig::default().build().unwrap(),
            store: Mutex::default(),
            calls: Mutex::default(),
            fault: Mutex::new(Fault::None),
        }))
    }

    /// Returns the calls since the previous invocation.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn suffers(&self, fault: Fault) {
        *self.0.fault.lock().unwrap() = fault;
    }

    pub(crate) fn records(&self) -> usize {
        self.store().values().filter(|it| matches!(it, Entry::Here(..))).count()
    }

    fn store(&self) -> MutexGuard<'_, HashMap<StoreKey, Entry>> {
        self.0.store.lock().unwrap()
    }

    fn fault(&self) -> Fault {
        *self.0.fault.lock().unwrap()
    }

    async fn call<T>(&self, call: &'static str, act: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.0.calls.lock().unwrap().push(call);
        // A store answers later, and other tasks run in the meantime.
        tokio::task::yield_now().await;
        if self.fault() == Fault::Down {
            return Err(Error::unavailable("the store is down"));
        }
        let answer = act();
        tokio::task::yield_now().await;
        if self.fault() == Fault::Lost {
            return Err(Error::unavailable("the reply was lost"));
        }
        answer
    }

    /// Ends a session, following tombstones.
    fn end(&self, key: StoreKey) -> bool {
        let found = self.store().remove(&key);
        match found {
            Some(Entry::Here(..)) => true,
            Some(Entry::Moved(to)) => self.end(to),
            None => false,
        }
    }

    /// Returns the record of `key` if this commit wrote it, or one that it is derived from.
    fn own(&self, key: &StoreKey, commit: &Commit) -> Option<(Version, Arc<Record>)> {
        match self.store().get(key) {
            Some(Entry::Here(version, record)) if commit.has_written(record) => {
                Some((version.clone(), Arc::new(Record::clone(record))))
            }
            _ => None,
        }
    }

    fn create(&self, key: StoreKey, commit: &Commit) -> (Version, Arc<Record>) {
        if let Some(own) = self.own(&key, commit) {
            assert!(commit.is_resumed(), "a fresh id must not exist");
            return own;
        }
        let (version, record) = (Version::first(1), commit.record());
        self.store().insert(key, Entry::Here(version.clone(), Box::new(Record::clone(&record))));
        (version, record)
    }

    /// Replaces the record of a key, or moves it to another key.
    fn write(&self, from: StoreKey, to: StoreKey, commit: &Commit) -> Result<Option<(Version, Arc<Record>)>, Error> {
        if commit.is_resumed()
            && let Some(own) = self.own(&to, commit)
        {
            return Ok(Some(own));
        }
        let mut store = self.store();
        let Some(Entry::Here(version, newest)) = store.get(&from) else { return Ok(None) };
        let record = if version == commit.session().version() {
            commit.record()
        } else {
            let mut record = replay(commit, newest, ConflictPolicy::LastWriteWins)?;
            commit.mark(&mut record);
            Arc::new(record)
        };
        let version = Version::after(version, 1);
        store.insert(to, Entry::Here(version.clone(), Box::new(Record::clone(&record))));
        if from != to {
            store.insert(from, Entry::Moved(to));
        }
        Ok(Some((version, record)))
    }

    async fn end_of(&self, commit: &Commit) -> Result<bool, Error> {
        match commit.ended_id() {
            Some(id) => self.call("end", || Ok(self.end(id.store_key()))).await,
            None => Ok(false),
        }
    }
}

impl SessionFactory for MemorySessions {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let lifetimes = Lifetimes::default();
        let ids: Vec<_> = cookies.last_first(NAME).filter_map(SessionId::parse).collect();
        for id in ids {
            let session = match self.call("load", || Ok(self.store().get(&id.store_key()).cloned())).await? {
                Some(Entry::Here(version, record)) if record.times().expired(now).is_none() => {
                    SessionState::loaded(id, *record, now, lifetimes).at_version(version)
                }
                Some(Entry::Moved(_)) => SessionState::detached(id, now, lifetimes),
                Some(Entry::Here(..)) | None => continue,
            };
            return Ok(session.with_payload(CookiePayload::Id));
        }
        Ok(SessionState::fresh(now, lifetimes).with_payload(CookiePayload::Id))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let without_cookie = |after| Ok(Committed::new(commit.settle(after), Vec::new()));
        let key = || commit.session().store_key().unwrap();
        let kept = match commit.plan() {
            Plan::Create | Plan::EndThenCreate => {
                self.end_of(commit).await?;
                let id = commit.new_id().unwrap();
                let kept = self.call("create", || Ok(self.create(id.store_key(), commit))).await?;
                Some((id, kept))
            }
            plan @ (Plan::Replace | Plan::Touch) => {
                let call = if plan == Plan::Touch { "touch" } else { "replace" };
                let kept = self.call(call, || self.write(key(), key(), commit)).await?;
                commit.session().id().zip(kept)
            }
            Plan::Cycle => {
                let id = commit.new_id().unwrap();
                let kept = self.call("cycle", || self.write(key(), id.store_key(), commit)).await?;
                kept.map(|kept| (id, kept))
            }
            Plan::End => {
                let was_there = self.end_of(commit).await?;
                let cookies = was_there.then(|| self.0.cookie.remove()).into_iter().collect();
                return Ok(Committed::new(commit.settle(After::Ended), cookies));
            }
            Plan::Drop(_) => {
                self.call("drop", || Ok(())).await?;
                None
            }
            _ => {
                self.call("nothing", || Ok(())).await?;
                return without_cookie(After::Untouched);
            }
        };
        let Some((id, (version, record))) = kept else { return without_cookie(After::Dropped) };
        let cookies = match commit.cookie() {
            CookieUpdate::Set => vec![self.0.cookie.set(&id.expose(), record.max_age(commit.now()))?],
            _ => vec![],
        };
        Ok(Committed::new(commit.settle(After::Kept(id, record)).at_version(version), cookies))
    }
}
