//! A store with a gate before each call, which can be made to break a rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{CommitId, Record, StoreKey, Version};
use cloakroom_store::MemoryStore;
use cloakroom_store::store::{Created, Entry, Loaded, Replaced, Store, StoreError, delegate_store};

use crate::explorer::gate;

/// A store rule that this store breaks, to test that the explorer detects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Nothing,
    /// `replace` and `touch` create missing sessions (rack CVE-2025-46336).
    ReplaceCreates,
    /// `replace` ignores the version (a common bug).
    VersionIgnored,
    /// `cycle` leaves the old session unchanged.
    OldStays,
    /// `end` doesn't follow a tombstone.
    EndStaysBehind,
    /// The ids of the commits that wrote a record are lost, so that a retry cannot be recognised.
    MarksLost,
}

#[derive(Debug)]
pub(crate) struct Gated {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) broken: Broken,
    /// One bit per write, the lowest bit first: that write is executed, and its answer is lost.
    pub(crate) loses: AtomicUsize,
    /// The number of writes so far.
    pub(crate) writes: AtomicUsize,
}

impl Gated {
    /// Returns the same store as seen by another process.
    pub(crate) fn with_duplicate(&self, loses: usize) -> Self {
        Self::new(Arc::clone(&self.inner), self.broken, loses)
    }

    pub(crate) fn new(inner: Arc<MemoryStore>, broken: Broken, loses: usize) -> Self {
        Self { inner, broken, loses: AtomicUsize::new(loses), writes: AtomicUsize::new(0) }
    }

    fn answer<T>(&self, answer: T) -> Result<T, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let loses = self.loses.load(Ordering::SeqCst);
        self.loses.store(loses >> 1, Ordering::SeqCst);
        if loses & 1 == 1 {
            return Err(StoreError::unavailable("the connection broke after the call"));
        }
        Ok(answer)
    }

    /// Returns the entry that is actually written.
    fn written(&self, entry: &Entry) -> Entry {
        if self.broken != Broken::MarksLost {
            return entry.clone();
        }
        let mut record = Record::decode(entry.text(), 0).unwrap();
        for number in 0..8 {
            record.mark(CommitId::from_random([number; 6]), Timestamp::from_unix_secs(1_700_000_000));
        }
        Entry::of(record)
    }

    async fn newest(&self, key: &StoreKey, seen: Version, now: Timestamp) -> Result<Version, StoreError> {
        Ok(match self.inner.load(key, now).await? {
            Loaded::Live(version, _) if self.broken == Broken::VersionIgnored => version,
            Loaded::Live(..) | Loaded::Moved | Loaded::Absent => seen,
        })
    }
}

impl Store for Gated {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        gate().await;
        self.inner.load(key, now).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        gate().await;
        let created = self.inner.create(key, &self.written(entry), now).await?;
        self.answer(created)
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        gate().await;
        let seen = self.newest(key, seen, now).await?;
        let replaced = self.inner.replace(key, seen, &self.written(entry), now).await?;
        if replaced == Replaced::Gone && self.broken == Broken::ReplaceCreates {
            self.inner.create(key, entry, now).await?;
            return Ok(Replaced::Yes(entry.next_version(None)));
        }
        self.answer(replaced)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        gate().await;
        self.inner.touch(key, touched, deadline, now).await
    }

    async fn cycle(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        gate().await;
        if self.broken == Broken::OldStays {
            self.inner.create(new, entry, now).await?;
            return Ok(Replaced::Yes(entry.next_version(None)));
        }
        let seen = self.newest(old, seen, now).await?;
        let moved = self.inner.cycle(old, seen, new, &self.written(entry), moved_until, now).await?;
        self.answer(moved)
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        gate().await;
        if self.broken == Broken::EndStaysBehind && self.inner.load(key, now).await? == Loaded::Moved {
            return Ok(false);
        }
        let ended = self.inner.end(key, now).await?;
        self.answer(ended)
    }

    delegate_store!(inner, except load create replace touch cycle end);
}
