//! A store that does what it is asked for, and whose answers are lost.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloakroom::{AnyStore, Created, Entry, Loaded, Replaced, Store, StoreError, StoreKey, Timestamp, Version};

/// The writes of a store, of which some aren't answered while that is wanted.
#[derive(Clone)]
pub(crate) struct Lossy(Arc<State>);

struct State {
    inner: AnyStore,
    losing: AtomicBool,
    writes: AtomicUsize,
    lost: AtomicUsize,
}

/// The answer to each write of so many is lost: any of each kind, since they come in no order.
const EVERY: usize = 4;

impl Lossy {
    pub(crate) fn before(inner: AnyStore) -> Self {
        let (losing, writes, lost) = (AtomicBool::default(), AtomicUsize::default(), AtomicUsize::default());
        Self(Arc::new(State { inner, losing, writes, lost }))
    }

    pub(crate) fn lose(&self, losing: bool) {
        self.0.losing.store(losing, Ordering::SeqCst);
    }

    /// The answers that were lost.
    pub(crate) fn lost(&self) -> usize {
        self.0.lost.load(Ordering::SeqCst)
    }

    fn answered<T>(&self, answer: T) -> Result<T, StoreError> {
        let write = self.0.writes.fetch_add(1, Ordering::SeqCst);
        if self.0.losing.load(Ordering::SeqCst) && write.is_multiple_of(EVERY) {
            self.0.lost.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::unavailable("it was done, and the answer is lost"));
        }
        Ok(answer)
    }
}

impl fmt::Debug for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.inner.fmt(f)
    }
}

impl Store for Lossy {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.0.inner.load(key, now).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        self.answered(self.0.inner.create(key, entry, now).await?)
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.answered(self.0.inner.replace(key, seen, entry, now).await?)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.answered(self.0.inner.touch(key, touched, deadline, now).await?)
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
        self.answered(self.0.inner.cycle(old, seen, new, entry, moved_until, now).await?)
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        self.answered(self.0.inner.end(key, now).await?)
    }
}
