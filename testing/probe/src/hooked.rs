//! A store wrapper with a hook before and a hook after each call.
//!
//! The probe uses it to count calls. Tests include this file to delay calls or to lose their
//! results, each with a separate hook.

use std::fmt;
use std::future::Future;

use cloakroom::store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError, StoreKey,
    Version,
};
use cloakroom::{AnyStore, Timestamp};

/// The calls that concern a single session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Load,
    Create,
    Replace,
    Touch,
    Cycle,
    End,
}

/// The actions around a call.
pub(crate) trait Hook: Send + Sync + 'static {
    /// Runs before the call. If it returns an error, the store isn't called.
    fn before(&self, call: Call) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = call;
        async { Ok(()) }
    }

    /// Runs after the call, whether the call succeeded or not. If it returns an error, the result
    /// of the completed call is lost.
    fn behind(&self, call: Call) -> Result<(), StoreError> {
        let _ = call;
        Ok(())
    }
}

/// A store with a hook.
pub(crate) struct Hooked<H> {
    pub(crate) inner: AnyStore,
    pub(crate) hook: H,
}

impl<H: Hook> Hooked<H> {
    async fn around<T>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.hook.before(call).await?;
        let answer = answer.await;
        self.hook.behind(call).and(answer)
    }
}

impl<H> fmt::Debug for Hooked<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<H: Hook> Store for Hooked<H> {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.around(Call::Load, self.inner.load(key, now)).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        self.around(Call::Create, self.inner.create(key, entry, now)).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.around(Call::Replace, self.inner.replace(key, seen, entry, now)).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.around(Call::Touch, self.inner.touch(key, touched, deadline, now)).await
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
        self.around(Call::Cycle, self.inner.cycle(old, seen, new, entry, moved_until, now)).await
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        self.around(Call::End, self.inner.end(key, now)).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.sweep(now, limit).await
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

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        self.inner.end_before(point, after, now).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        self.inner.scan(after, limit, now).await
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.inner.checkup().await
    }
}
