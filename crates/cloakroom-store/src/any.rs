//! A store whose type is chosen at run time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use crate::checkup::Checkup;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::pages::{Ended, EndedPage, OwnedPage};
use crate::scan::{Cursor, Page};
use crate::store::{Created, Loaded, Replaced, Store};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Any store, without a type parameter.
///
/// For applications that select their store in a configuration file.
///
/// A call costs one small allocation more than a direct call of the store. Clones share the store.
///
/// # Examples
/// ```
/// use cloakroom_store::{AnyStore, MemoryStore, StoredSessions};
///
/// let store = AnyStore::new(MemoryStore::new());
/// let sessions = StoredSessions::new(store).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AnyStore(Arc<dyn DynStore>);

impl AnyStore {
    /// Wraps a store.
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

trait DynStore: fmt::Debug + Send + Sync {
    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> Answer<'a, Loaded>;
    fn create<'a>(&'a self, key: &'a StoreKey, entry: &'a Entry, now: Timestamp) -> Answer<'a, Created>;
    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        seen: Version,
        entry: &'a Entry,
        now: Timestamp,
    ) -> Answer<'a, Replaced>;
    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Answer<'a, bool>;
    fn cycle<'a>(
        &'a self,
        old: &'a StoreKey,
        seen: Version,
        new: &'a StoreKey,
        entry: &'a Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Answer<'a, Replaced>;
    fn end<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> Answer<'a, bool>;
    fn sweep(&self, now: Timestamp, limit: usize) -> Answer<'_, usize>;
    fn owned<'a>(
        &'a self,
        owner: &'a str,
        after: Option<&'a Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Answer<'a, OwnedPage>;
    fn count_owned<'a>(&'a self, owner: &'a str, now: Timestamp) -> Answer<'a, usize>;
    fn end_owned<'a>(
        &'a self,
        owner: &'a str,
        keep: Option<&'a StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Answer<'a, Ended>;
    fn end_before<'a>(&'a self, point: Timestamp, after: Option<&'a Cursor>, now: Timestamp) -> Answer<'a, EndedPage>;
    fn scan<'a>(&'a self, after: Option<&'a Cursor>, limit: usize, now: Timestamp) -> Answer<'a, Page>;
    fn checkup(&self) -> Answer<'_, Checkup>;
}

impl<S: Store> DynStore for S {
    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> Answer<'a, Loaded> {
        Box::pin(Store::load(self, key, now))
    }

    fn create<'a>(&'a self, key: &'a StoreKey, entry: &'a Entry, now: Timestamp) -> Answer<'a, Created> {
        Box::pin(Store::create(self, key, entry, now))
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        seen: Version,
        entry: &'a Entry,
        now: Timestamp,
    ) -> Answer<'a, Replaced> {
        Box::pin(Store::replace(self, key, seen, entry, now))
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Answer<'a, bool> {
        Box::pin(Store::touch(self, key, touched, deadline, now))
    }

    fn cycle<'a>(
        &'a self,
        old: &'a StoreKey,
        seen: Version,
        new: &'a StoreKey,
        entry: &'a Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Answer<'a, Replaced> {
        Box::pin(Store::cycle(self, old, seen, new, entry, moved_until, now))
    }

    fn end<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> Answer<'a, bool> {
        Box::pin(Store::end(self, key, now))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Answer<'_, usize> {
        Box::pin(Store::sweep(self, now, limit))
    }

    fn owned<'a>(
        &'a self,
        owner: &'a str,
        after: Option<&'a Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Answer<'a, OwnedPage> {
        Box::pin(Store::owned(self, owner, after, limit, now))
    }

    fn count_owned<'a>(&'a self, owner: &'a str, now: Timestamp) -> Answer<'a, usize> {
        Box::pin(Store::count_owned(self, owner, now))
    }

    fn end_owned<'a>(
        &'a self,
        owner: &'a str,
        keep: Option<&'a StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Answer<'a, Ended> {
        Box::pin(Store::end_owned(self, owner, keep, limit, now))
    }

    fn end_before<'a>(&'a self, point: Timestamp, after: Option<&'a Cursor>, now: Timestamp) -> Answer<'a, EndedPage> {
        Box::pin(Store::end_before(self, point, after, now))
    }

    fn scan<'a>(&'a self, after: Option<&'a Cursor>, limit: usize, now: Timestamp) -> Answer<'a, Page> {
        Box::pin(Store::scan(self, after, limit, now))
    }

    fn checkup(&self) -> Answer<'_, Checkup> {
        Box::pin(Store::checkup(self))
    }
}

impl Store for AnyStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.0.load(key, now).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        self.0.create(key, entry, now).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.0.replace(key, seen, entry, now).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.touch(key, touched, deadline, now).await
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
        self.0.cycle(old, seen, new, entry, moved_until, now).await
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        self.0.end(key, now).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.0.sweep(now, limit).await
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        self.0.owned(owner, after, limit, now).await
    }

    async fn count_owned(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        self.0.count_owned(owner, now).await
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        self.0.end_owned(owner, keep, limit, now).await
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        self.0.end_before(point, after, now).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        self.0.scan(after, limit, now).await
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.0.checkup().await
    }
}
