//! The `Store` implementation on the wrapped store.

use std::future::Future;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use super::CachedStore;
use super::near::Scope;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::pages::{Ended, EndedPage};
use crate::scan::Cursor;
use crate::store::delegate_store;
use crate::store::{Created, Loaded, Replaced, Store};

impl<S: Store> CachedStore<S> {
    /// Asks the store, and keeps the session that it returns.
    async fn fill<F>(&self, key: &StoreKey, load: impl FnOnce() -> F + Send) -> Result<Loaded, StoreError>
    where
        F: Future<Output = Result<Loaded, StoreError>> + Send,
    {
        // Registered before the store is asked, so that no hint falls between them.
        let loading = self.near.load(key);
        let loaded = load().await?;
        match &loaded {
            Loaded::Live(version, entry) => {
                // Without a proof, the copy would be of no use.
                if let Some(proven_at) = self.feed.proven_at() {
                    let (now, _) = self.ages.of(proven_at);
                    loading.keep(version.clone(), entry, now);
                }
            }
            // A session may be created under the key at any time, or be moved further.
            Loaded::Moved => self.near.has_moved(key),
            Loaded::Absent => {}
        }
        Ok(loaded)
    }
}

impl<S: Store> Store for CachedStore<S> {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        match self.hit(key, now) {
            Some((version, entry)) => Ok(Loaded::Live(version, entry)),
            None => self.fill(key, || self.store.load(key, now)).await,
        }
    }

    async fn load_latest(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.listen();
        self.fill(key, || self.store.load_latest(key, now)).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let _write = self.near.write(Scope::Key(key));
        self.store.create(key, entry, now).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let _write = self.near.write(Scope::Key(key));
        self.store.replace(key, seen, entry, now).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let _write = self.near.write(Scope::Key(key));
        self.store.touch(key, touched, deadline, now).await
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
        let _write = self.near.write(Scope::Both(old, new));
        self.near.has_moved(old);
        self.store.cycle(old, seen, new, entry, moved_until, now).await
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let _write = self.near.write(self.near.scope_of_end(key));
        self.store.end(key, now).await
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let _write = self.near.write(Scope::Owner(owner));
        self.store.end_owned(owner, keep, limit, now).await
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let _write = self.near.write(Scope::All);
        self.store.end_before(point, after, now).await
    }

    delegate_store!(store, except load load_latest create replace touch cycle end end_owned end_before);
}
