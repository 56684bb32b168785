//! Walks through the whole store, which lock one shard at a time and yield between shards.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use super::MemoryStore;
use super::shard::{Passed, Shard};
use super::shards::LARGEST;
use super::slot::Held;
use crate::error::StoreError;
use crate::pages::EndedPage;
use crate::scan::{Cursor, Page, ScannedSession};

/// Counts the entries that a walk has visited, and yields to the runtime periodically.
#[derive(Default)]
struct Pace(usize);

impl Pace {
    async fn after(&mut self, looked_at: usize) {
        self.0 += looked_at;
        if self.0 >= LARGEST {
            self.0 = 0;
            tokio::task::yield_now().await;
        }
    }
}

impl MemoryStore {
    /// Removes at most `limit` expired entries.
    pub(super) async fn sweep_some(&self, now: Timestamp, limit: usize) -> usize {
        let (mut swept, mut pace) = (0, Pace::default());
        for index in 0..self.shards.len() {
            let looked_at = {
                let mut shard = self.shards.at(index);
                if !shard.is_due(now) {
                    continue;
                }
                let looked_at = shard.len();
                swept += self.sweep_shard(&mut shard, now, limit - swept);
                looked_at
            };
            if swept >= limit {
                break;
            }
            pace.after(looked_at).await;
        }
        swept
    }

    /// Returns a page of live sessions, shard by shard, each in key order, so that sessions created
    /// or ended during the scan don't shift the position of others.
    pub(super) async fn scan_some(
        &self,
        after: Option<StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, StoreError> {
        let (mut page, mut pace) = (Page::default(), Pace::default());
        let first = after.as_ref().map_or(0, |after| self.shards.index_of(after));
        for index in first..self.shards.len() {
            let looked_at = {
                let shard = self.shards.at(index);
                let behind = after.filter(|_| index == first);
                if page.fill(live_after(&shard, behind, limit, now), limit) {
                    break;
                }
                shard.len()
            };
            pace.after(looked_at).await;
        }
        Ok(page)
    }

    /// Performs one step of a walk that ends all sessions created before a point in time. A
    /// forgotten walk starts again.
    pub(super) fn end_some_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let begun = after.map(|after| after.numbers().ok_or_else(StoreError::foreign_cursor)).transpose()?;
        let begun = begun.filter(|[walk, _]| self.walks.is_unfinished(*walk));
        let (passed, first) = match begun {
            Some([walk, shard]) => (Passed { walk, point }, usize::try_from(shard).unwrap_or(usize::MAX)),
            None => (self.walks.start(point), 0),
        };
        let (mut ended, mut looked_at, mut index) = (0, 0, first);
        while index < self.shards.len() && looked_at < LARGEST {
            let mut shard = self.shards.at(index);
            looked_at += shard.len();
            index += 1;
            shard.passed = Some(self.with_unfinished(passed, shard.passed));
            for key in older_than(&shard, point, now) {
                ended += usize::from(self.take(&mut shard, &key).is_some());
            }
        }
        let is_done = index >= self.shards.len();
        ended += self.walks.caught(passed.walk);
        if is_done {
            self.walks.finish(passed.walk);
        }
        Ok(EndedPage::new(ended, (!is_done).then(|| Cursor::new(format!("{}.{index}", passed.walk)))))
    }

    /// Returns the walk to leave in a shard. An older unfinished walk must still catch its
    /// sessions.
    fn with_unfinished(&self, passed: Passed, before: Option<Passed>) -> Passed {
        match before {
            Some(before) if self.walks.is_unfinished(before.walk) => {
                Passed { walk: passed.walk.max(before.walk), point: passed.point.max(before.point) }
            }
            Some(_) | None => passed,
        }
    }
}

fn older_than(shard: &Shard, point: Timestamp, now: Timestamp) -> Vec<StoreKey> {
    let goes = |held: &Held| match held {
        Held::Live(live) => live.entry.created < point && !live.entry.is_expired(now),
        Held::Moved { .. } => false,
    };
    shard.iter().filter(|(_, held)| goes(held)).map(|(key, _)| *key).collect()
}

/// Returns the first live sessions of a shard after a key.
fn live_after(shard: &Shard, after: Option<StoreKey>, limit: usize, now: Timestamp) -> Vec<ScannedSession> {
    let is_listed = |key: &StoreKey, held: &Held| {
        matches!(held, Held::Live(_)) && !held.is_expired(now) && after.is_none_or(|after| *key > after)
    };
    let mut keys: Vec<StoreKey> =
        shard.iter().filter(|(key, held)| is_listed(key, held)).map(|(key, _)| *key).collect();
    if keys.len() > limit.max(1) {
        keys.select_nth_unstable(limit.max(1) - 1);
        keys.truncate(limit.max(1));
    }
    keys.sort_unstable();
    let scanned = |key: StoreKey| match shard.get(&key)? {
        Held::Live(live) => Some(ScannedSession::new(key, Version::new(live.version), live.entry.clone())),
        Held::Moved { .. } => None,
    };
    keys.into_iter().filter_map(scanned).collect()
}
