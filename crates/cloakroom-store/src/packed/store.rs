//! The `Store` implementation on the wrapped store.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use super::PackedStore;
use super::owners::Owners;
use crate::checkup::Checkup;
use crate::entry::{Entry, OwnedSession};
use crate::error::StoreError;
use crate::pages::{Ended, OwnedPage};
use crate::scan::{Cursor, Page, ScannedSession};
use crate::store::delegate_store;
use crate::store::{Created, Loaded, Replaced, Store};

impl<S: Store> PackedStore<S> {
    /// Returns the readable names of an owner.
    fn readable(&self, owner: &str) -> Owners {
        let owners = self.packer.owners(owner);
        if self.packer.only_encrypted { owners.without_plain() } else { owners }
    }

    fn unpack(&self, key: &StoreKey, loaded: Loaded) -> Result<Loaded, StoreError> {
        Ok(match loaded {
            Loaded::Live(version, entry) => Loaded::Live(version, self.packer.unpack(key, entry)?),
            Loaded::Moved => Loaded::Moved,
            Loaded::Absent => Loaded::Absent,
        })
    }

    /// Unpacks a session from an owner's list, if it belongs to that owner.
    fn unpack_owned(&self, owner: &str, OwnedSession { key, entry }: OwnedSession) -> Option<OwnedSession> {
        // A session that doesn't open stays in the list unchanged. The caller gets an error when
        // decoding it, as for any damaged record, and can end it.
        let entry = match self.packer.unpack(&key, entry.clone()) {
            Ok(unpacked) => unpacked,
            Err(_) => entry.owner(Some(owner.to_owned())),
        };
        (entry.owner.as_deref() == Some(owner)).then_some(OwnedSession { key, entry })
    }
}

impl<S: Store> Store for PackedStore<S> {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.unpack(key, self.store.load(key, now).await?)
    }

    async fn load_latest(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.unpack(key, self.store.load_latest(key, now).await?)
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let packed = self.packer.pack(key, entry)?;
        self.store.create(key, &packed, now).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let packed = self.packer.pack(key, entry)?;
        self.store.replace(key, seen, &packed, now).await
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
        let packed = self.packer.pack(new, entry)?;
        self.store.cycle(old, seen, new, &packed, moved_until, now).await
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let (owners, limit) = (self.readable(owner), limit.max(1));
        let (passed, mut place) = after.map_or(Ok((0, None)), |after| owners.find(after))?;
        let mut sessions = Vec::new();
        let mut names = owners.iter().skip(passed).peekable();
        while let Some(name) = names.next() {
            let room = limit.saturating_sub(sessions.len());
            let page = self.store.owned(&name.name, place.take().as_ref(), room, now).await?;
            sessions.extend(page.sessions.into_iter().filter_map(|owned| self.unpack_owned(owner, owned)));
            if let Some(rest) = page.next {
                return Ok(OwnedPage::new(sessions, Some(name.cursor(Some(rest)))));
            }
            if let Some(following) = names.peek().filter(|_| sessions.len() >= limit) {
                return Ok(OwnedPage::new(sessions, Some(following.cursor(None))));
            }
        }
        Ok(OwnedPage::new(sessions, None))
    }

    async fn count_owned(&self, owner: &str, at_most: usize, now: Timestamp) -> Result<usize, StoreError> {
        let mut count: usize = 0;
        for name in self.readable(owner).iter() {
            count = count.saturating_add(self.store.count_owned(&name.name, at_most.saturating_sub(count), now).await?);
        }
        Ok(count)
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        // Also end records that `only_encrypted` rejects: they could be read again without it.
        let owners = self.packer.owners(owner);
        // During a key rotation, nodes that still seal with the old key move sessions in the other
        // direction. Visit the names forwards and backwards, so that a session that moves once is
        // found.
        let back = owners.iter().rev().skip(1);
        let (mut ended, mut left) = (0, limit);
        for (visited, name) in owners.iter().chain(back).enumerate() {
            if visited > 0 && left == 0 {
                return Ok(Ended::new(ended, true));
            }
            let step = self.store.end_owned(&name.name, keep, left, now).await?;
            ended += step.count;
            left = left.saturating_sub(step.count);
            if step.more {
                return Ok(Ended::new(ended, true));
            }
        }
        Ok(Ended::new(ended, false))
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let Page { sessions, mut damaged, mut locked, next } = self.store.scan(after, limit, now).await?;
        let mut unpacked = Vec::with_capacity(sessions.len());
        for ScannedSession { key, version, entry } in sessions {
            if self.packer.is_locked(entry.text()) {
                locked.push(ScannedSession { key, version, entry });
                continue;
            }
            match self.packer.unpack(&key, entry) {
                Ok(entry) => unpacked.push(ScannedSession { key, version, entry }),
                Err(_) => damaged.push(key),
            }
        }
        Ok(Page { sessions: unpacked, damaged, locked, next })
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        Ok(self.packer.report(self.store.checkup().await?))
    }

    delegate_store!(store, except load load_latest create replace cycle owned count_owned end_owned scan checkup);
}
