//! A store with a gate before each call, and with rules that can be broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloakroom_session::{CommitId, Record, StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Cursor, Ended, Entry, Loaded, MemoryStore, OwnedPage, Replaced, Store, StoreError};

use crate::explorer::gate;

/// A rule that a store must keep, and that this one breaks, to see that the explorer finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Nothing,
    /// `replace` and `touch` create what isn't there (rack CVE-2025-46336).
    ReplaceCreates,
    /// `replace` doesn't look at the version (nearly everyone).
    VersionIgnored,
    /// `cycle` leaves the old session as it is.
    OldStays,
    /// `end` doesn't follow a session that has moved.
    EndStaysBehind,
    /// The ids of the commits that wrote a record are lost, so that a retry cannot be recognised.
    MarksLost,
}

#[derive(Debug)]
pub(crate) struct Gated {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) broken: Broken,
    /// The next write is carried out, and its answer is lost.
    pub(crate) loses_answer: AtomicBool,
}

impl Gated {
    /// The same store, as another process has it.
    pub(crate) fn beside(&self, loses_answer: bool) -> Self {
        Self { inner: Arc::clone(&self.inner), broken: self.broken, loses_answer: AtomicBool::new(loses_answer) }
    }

    fn answer<T>(&self, answer: T) -> Result<T, StoreError> {
        if self.loses_answer.swap(false, Ordering::SeqCst) {
            return Err(StoreError::unavailable("the connection broke after the call"));
        }
        Ok(answer)
    }

    /// What is written in place of an entry.
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

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        self.inner.owned(owner, after, limit, now).await
    }

    async fn count_owned(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        self.inner.count_owned(owner, now).await
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        self.inner.end_owned(owner, keep, limit, now).await
    }
}
