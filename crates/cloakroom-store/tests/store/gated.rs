//! A store with a gate before each call, and with rules that can be broken.

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Entry, Loaded, MemoryStore, Owned, Replaced, Store, StoreError};

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
}

#[derive(Debug)]
pub(crate) struct Gated {
    pub(crate) inner: MemoryStore,
    pub(crate) broken: Broken,
}

impl Gated {
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
        self.inner.create(key, entry, now).await
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
        let replaced = self.inner.replace(key, seen, entry, now).await?;
        if replaced == Replaced::Gone && self.broken == Broken::ReplaceCreates {
            self.inner.create(key, entry, now).await?;
            return Ok(Replaced::Yes(entry.next_version(None)));
        }
        Ok(replaced)
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
        self.inner.cycle(old, seen, new, entry, moved_until, now).await
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        gate().await;
        if self.broken == Broken::EndStaysBehind && self.inner.load(key, now).await? == Loaded::Moved {
            return Ok(false);
        }
        self.inner.end(key, now).await
    }

    async fn owned(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        self.inner.owned(owner, now).await
    }
}
