//! How often sessions were loaded, created and so on, counted from outside of the library.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cloakroom::{
    AnyStore, Checkup, Commit, Committed, CookieHeader, CookieSessions, Created, Cursor, Ended, EndedPage, Entry,
    Error, Loaded, OwnedPage, Page, Plan, Replaced, SessionFactory, SessionState, Store, StoreError, StoreKey,
    Timestamp, Version,
};
use serde_json::{Value, json};

use crate::clock::reach;

/// The counters, shared by whoever counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    load: AtomicU64,
    create: AtomicU64,
    replace: AtomicU64,
    touch: AtomicU64,
    cycle: AtomicU64,
    end: AtomicU64,
    dropped: AtomicU64,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Counts {
    /// What was counted. Only a store's factory knows how often it did changes again or dropped them.
    pub(crate) fn report(&self, replayed: u64, dropped: u64) -> Value {
        let Numbers { load, create, replace, touch, cycle, end, dropped: here } = &*self.0;
        json!({
            "load": load.load(Relaxed), "create": create.load(Relaxed), "replace": replace.load(Relaxed),
            "touch": touch.load(Relaxed), "cycle": cycle.load(Relaxed), "end": end.load(Relaxed),
            "replayed": replayed, "dropped": dropped + here.load(Relaxed),
        })
    }

    fn count(&self, plan: Plan) {
        match plan {
            Plan::Create => add(&self.0.create),
            Plan::Replace => add(&self.0.replace),
            Plan::Touch => add(&self.0.touch),
            Plan::Cycle => add(&self.0.cycle),
            Plan::End => add(&self.0.end),
            Plan::EndThenCreate => {
                add(&self.0.end);
                add(&self.0.create);
            }
            Plan::Drop(_) => add(&self.0.dropped),
            Plan::Nothing | _ => {}
        }
    }
}

/// Cookie sessions, and how often what was planned and done.
#[derive(Debug)]
pub(crate) struct CountingCookies {
    pub(crate) inner: CookieSessions,
    pub(crate) counts: Counts,
}

impl SessionFactory for CountingCookies {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        let session = self.inner.open(cookies, now).await?;
        if !session.is_new() {
            add(&self.counts.0.load);
        }
        Ok(session)
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let committed = self.inner.commit(commit).await?;
        self.counts.count(commit.plan());
        Ok(committed)
    }
}

/// A store, and how often it was asked for what.
#[derive(Debug)]
pub(crate) struct CountingStore {
    pub(crate) inner: AnyStore,
    pub(crate) counts: Counts,
}

impl Store for CountingStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        reach("load")?;
        let loaded = self.inner.load(key, now).await;
        // Afterwards, so that who waits for it knows that it has happened.
        add(&self.counts.0.load);
        loaded
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        add(&self.counts.0.create);
        reach("create")?;
        self.inner.create(key, entry, now).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        add(&self.counts.0.replace);
        reach("replace")?;
        self.inner.replace(key, seen, entry, now).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        add(&self.counts.0.touch);
        reach("touch")?;
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
        add(&self.counts.0.cycle);
        reach("cycle")?;
        self.inner.cycle(old, seen, new, entry, moved_until, now).await
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        add(&self.counts.0.end);
        reach("end")?;
        self.inner.end(key, now).await
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
