//! The `Store` implementation: each call goes to the shard of its key.

use std::sync::atomic::Ordering;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use futures_util::future::try_join_all;

use super::cursor::Visit;
use super::{Shard, ShardedStore};
use crate::checkup::{Checkup, Finding};
use crate::entry::Entry;
use crate::error::StoreError;
use crate::feed::Feed;
use crate::pages::{EndedPage, OwnedPage};
use crate::scan::{Cursor, Page};
use crate::store::{Created, Loaded, Replaced, Store};

impl<S: Store> ShardedStore<S> {
    fn of(&self, key: &StoreKey) -> Result<&S, StoreError> {
        let shard = self.at(key).ok_or_else(|| StoreError::unavailable("the store has no shards"))?;
        Ok(&shard.store)
    }

    /// Returns the shard of a step of a walk.
    fn visited(&self, visit: &Visit) -> Result<&Shard<S>, StoreError> {
        self.shards.get(visit.shard).ok_or_else(StoreError::foreign_cursor)
    }
}

impl<S: Store> Store for ShardedStore<S> {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.of(key)?.load(key, now).await
    }

    async fn load_latest(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.of(key)?.load_latest(key, now).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        self.of(key)?.create(key, entry, now).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.of(key)?.replace(key, seen, entry, now).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.of(key)?.touch(key, touched, deadline, now).await
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
        if !self.can_cycle(old, new) {
            return Err(StoreError::unsupported("a move of a session to another shard"));
        }
        self.of(old)?.cycle(old, seen, new, entry, moved_until, now).await
    }

    fn can_cycle(&self, old: &StoreKey, new: &StoreKey) -> bool {
        let position = self.placement.of(old);
        let store = self.shards.get(position).map(|shard| &shard.store);
        position == self.placement.of(new) && store.is_some_and(|store| store.can_cycle(old, new))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        self.of(key)?.end(key, now).await
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        // Each sweep begins with another shard, so that a busy one doesn't keep the others waiting.
        let first = self.swept.fetch_add(1, Ordering::Relaxed) % self.shards.len().max(1);
        let (before, from) = self.shards.split_at_checked(first).unwrap_or((&self.shards, &[]));
        let mut deleted = 0;
        for shard in from.iter().chain(before) {
            if deleted >= limit {
                break;
            }
            deleted += shard.store.sweep(now, limit - deleted).await?;
        }
        Ok(deleted)
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        self.merged_page(owner, after, limit, now).await
    }

    async fn count_owned(&self, owner: &str, at_most: usize, now: Timestamp) -> Result<usize, StoreError> {
        let counts = self.shards.iter().map(|shard| shard.store.count_owned(owner, at_most, now));
        let counts = try_join_all(counts).await?;
        Ok(counts.into_iter().fold(0_usize, usize::saturating_add).min(at_most))
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        // A session moves within its shard, so a walk that passed a shard has missed none there.
        let visit = Visit::read(after, self.shards.len())?;
        let page = self.visited(&visit)?.store.end_before(point, visit.within.as_ref(), now).await?;
        Ok(EndedPage::new(page.count, visit.next(page.next, self.shards.len())))
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let visit = Visit::read(after, self.shards.len())?;
        let mut page = self.visited(&visit)?.store.scan(visit.within.as_ref(), limit, now).await?;
        page.next = visit.next(page.next.take(), self.shards.len());
        Ok(page)
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        let reports = try_join_all(self.shards.iter().map(|shard| shard.store.checkup())).await?;
        // The clock that is furthest behind, because a process must not be ahead of any.
        let clock = reports.iter().filter_map(|report| report.clock).min();
        let mut all = Checkup::new(format!("{} shards", self.shards.len())).clock(clock);
        for (shard, report) in self.shards.iter().zip(reports) {
            for Finding { topic, severity, text } in report.findings {
                all = all.found(topic, severity, format!("{} ({}): {text}", shard.name, report.server));
            }
        }
        Ok(all)
    }

    fn feed(&self) -> Option<Feed> {
        self.feed.clone()
    }
}
