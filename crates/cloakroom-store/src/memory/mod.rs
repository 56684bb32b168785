//! A bounded in-memory store for one process.
//!
//! | module | contents |
//! |---|---|
//! | `slot` | the value stored under a key, and its class |
//! | `shard`, `shards` | the sharded map and its locks |
//! | `owners` | the owner index |
//! | `owned` | listing, counting and ending the sessions of an owner |
//! | `room` | the limits of each class, and the choice of entries to evict |
//! | `unfinished` | the unfinished walks that end old sessions |
//! | `walks` | walks through the whole store |

mod owned;
mod owners;
mod room;
mod shard;
mod shards;
mod slot;
mod unfinished;
mod walks;

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use crate::checkup::{Checkup, Severity, Topic};
use crate::entry::Entry;
use crate::error::StoreError;
use crate::feed::{Announcer, Covers, Feed, Reach};
use crate::pages::{Ended, EndedPage, OwnedPage};
use crate::scan::{Cursor, Page};
use crate::store::{Created, Loaded, Replaced, Store};
use owners::{Owners, Place};
use room::Room;
use shard::Shard;
use shards::{Both, Locked, Shards};
use slot::{Class, Held, Live};
use unfinished::Walks;

/// The default capacity.
const CAPACITY: usize = 1_000_000;

/// The time in milliseconds for which an expired entry may occupy space in a full store, before its
/// whole shard is swept. Without this delay, a flood would cause a sweep with each new session.
const LEEWAY: u64 = 1000;

/// A store in memory, which ends with its process and is not shared with others.
///
/// Suitable for tests, for development, and for a single process whose sessions may end with it. A
/// session is kept as text until it is used again, and as a decoded record from then on, so that
/// requests need not decode or encode it.
///
/// The store keeps at most [`MemoryStore::capacity`] sessions and tombstones. In a full store a new
/// session evicts an older one, in constant time. Sessions without an owner are evicted first,
/// preferably ones that were never read. Sessions with an owner are only evicted if they take more
/// than seven eighths of the capacity, preferably those of an owner with many sessions. One warning
/// per minute reports the number of evictions.
///
/// # Security
/// A flood of visitors only evicts sessions of visitors, and signs no user out.
///
/// # Examples
/// ```
/// use cloakroom_store::{MemoryStore, StoredSessions};
///
/// let sessions = StoredSessions::new(MemoryStore::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    shards: Shards,
    owners: Owners,
    room: Room,
    walks: Walks,
    /// The shard in which the next search for an entry to evict begins.
    hand: AtomicUsize,
    /// Told of each change under the lock of its shard, so that a listener that asks the store next
    /// finds the change.
    announcer: Announcer,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// Creates an empty store with a capacity of one million sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::of(CAPACITY)
    }

    fn of(capacity: usize) -> Self {
        Self {
            shards: Shards::new(capacity),
            owners: Owners::new(),
            room: Room::new(capacity),
            walks: Walks::default(),
            hand: AtomicUsize::new(0),
            announcer: Announcer::in_process(Covers::Changes, Reach::AllProcesses),
        }
    }

    /// Sets the maximum number of sessions and tombstones; at least 64.
    ///
    /// An eighth is reserved for sessions without an owner, so that new visitors can still arrive
    /// and sign in.
    #[must_use]
    pub fn capacity(mut self, sessions: usize) -> Self {
        let sessions = sessions.max(room::LEAST);
        if self.is_empty() {
            return Self { announcer: self.announcer, ..Self::of(sessions) };
        }
        self.room.is_changed_to(sessions);
        self
    }

    /// Returns the number of sessions and tombstones, including expired ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.room.total()
    }

    /// Returns whether the store is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Inserts a session under a free key.
    fn put_live(&self, shard: &mut Shard, key: StoreKey, version: u64, entry: Entry) {
        let arrival = entry.owner.as_ref().map_or(0, |owner| self.owners.add(owner, entry.created, key));
        self.put(shard, key, Held::Live(Live { version, arrival, entry }));
    }

    fn put(&self, shard: &mut Shard, key: StoreKey, held: Held) {
        self.room.add(held.class());
        shard.insert(key, held);
        self.announcer.changed(&key);
    }

    /// Removes the entry under a key.
    fn take(&self, shard: &mut Shard, key: &StoreKey) -> Option<Held> {
        let held = self.take_listed(shard, key)?;
        if let Held::Live(Live { entry, arrival, .. }) = &held
            && let Some(owner) = &entry.owner
        {
            self.owners.remove(owner, Place { created: entry.created, arrival: *arrival });
        }
        Some(held)
    }

    /// Removes the entry under a key, but keeps the session in its owner's list.
    fn take_listed(&self, shard: &mut Shard, key: &StoreKey) -> Option<Held> {
        let held = shard.remove(key)?;
        self.room.remove(held.class());
        self.announcer.changed(key);
        Some(held)
    }

    /// Returns whether a key is free for a new session, after removing an expired entry.
    fn is_free(&self, shard: &mut Shard, key: &StoreKey, now: Timestamp) -> bool {
        match shard.get(key) {
            None => true,
            Some(held) if held.is_expired(now) => self.take(shard, key).is_some(),
            Some(_) => false,
        }
    }

    /// Evicts entries until the store is within its limits. The caller must hold no lock.
    fn make_room(&self, now: Timestamp) {
        while let Some(class) = self.room.too_many() {
            if !self.evict(class, now) {
                break;
            }
        }
    }

    /// Evicts an entry of a class, or removes the expired entries of a shard. Returns whether there
    /// was any.
    fn evict(&self, class: Class, now: Timestamp) -> bool {
        let start = self.hand.fetch_add(1, Ordering::Relaxed);
        let a_moment_ago = Timestamp::from_unix_millis(now.unix_millis().saturating_sub(LEEWAY));
        for step in 0..self.shards.len() {
            let mut shard = self.shards.at(start.wrapping_add(step));
            if shard.is_due(a_moment_ago) && self.sweep_shard(&mut shard, now, usize::MAX) > 0 {
                return true;
            }
            if let Some(key) = shard.candidate(class, |held| self.rank(held, now))
                && let Some(held) = self.take(&mut shard, &key)
            {
                if !held.is_expired(now) {
                    self.room.evicted(now);
                }
                return true;
            }
        }
        false
    }

    /// The eviction order: the entry with the smallest rank is evicted first.
    fn rank(&self, held: &Held, now: Timestamp) -> impl Ord + use<> {
        let (of_owner, was_read) = match held {
            Held::Live(live) => {
                (live.entry.owner.as_ref().map_or(0, |owner| self.owners.count(owner)), live.entry.is_warm())
            }
            Held::Moved { .. } => (0, false),
        };
        (!held.is_expired(now), Reverse(of_owner), was_read, held.end().is_none(), held.end())
    }

    /// Removes at most `limit` expired entries from a shard. Returns their number.
    fn sweep_shard(&self, shard: &mut Shard, now: Timestamp, limit: usize) -> usize {
        let expired = shard.expired(now, limit);
        expired.into_iter().filter(|key| self.take(shard, key).is_some()).count()
    }

    /// Follows tombstones from a key to the live session. Returns its current key and its locked
    /// shard.
    fn follow(&self, mut key: StoreKey, now: Timestamp) -> Option<(StoreKey, Locked<'_>)> {
        loop {
            let shard = self.shards.of(&key);
            match shard.get(&key).filter(|held| !held.is_expired(now))? {
                Held::Moved { to, .. } => key = *to,
                Held::Live(_) => return Some((key, shard)),
            }
        }
    }
}

impl Store for MemoryStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        Ok(match self.shards.of(key).get(key) {
            Some(held) if held.is_expired(now) => Loaded::Absent,
            Some(Held::Live(live)) => Loaded::Live(Version::new(live.version), live.entry.warm().clone()),
            Some(Held::Moved { .. }) => Loaded::Moved,
            None => Loaded::Absent,
        })
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let (version, entry) = (entry.next_version(None), entry.cold());
        {
            let mut shard = self.shards.of(key);
            if !self.is_free(&mut shard, key, now) {
                return Ok(Created::Taken);
            }
            self.put_live(&mut shard, *key, version.number(), entry);
        }
        self.make_room(now);
        Ok(Created::Yes(version))
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let mut shard = self.shards.of(key);
        let Some(live) = shard.live(key, now) else { return Ok(Replaced::Gone) };
        if live.version != seen.number() {
            return Ok(Replaced::Conflict);
        }
        let next = entry.next_version(Some(&seen));
        if (&live.entry.owner, live.entry.created) == (&entry.owner, entry.created) {
            live.version = next.number();
            live.entry = entry.compact();
            shard.expires(entry.deadline);
            self.announcer.changed(key);
        } else {
            self.take(&mut shard, key);
            self.put_live(&mut shard, *key, next.number(), entry.compact());
            drop(shard);
            self.make_room(now);
        }
        Ok(Replaced::Yes(next))
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut shard = self.shards.of(key);
        let Some(Live { entry, .. }) = shard.live(key, now) else { return Ok(false) };
        entry.touched = entry.touched.max(touched);
        entry.deadline = match (entry.deadline, deadline) {
            (Some(there), Some(wanted)) => Some(there.max(wanted)),
            _ => None,
        };
        self.announcer.changed(key);
        Ok(true)
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
        let version = entry.next_version(None);
        {
            let mut both = self.shards.of_both(old, new);
            let Some(live) = both.source().live(old, now) else { return Ok(Replaced::Gone) };
            if live.version != seen.number() {
                return Ok(Replaced::Conflict);
            }
            let (created, arrival) = (live.entry.created, live.arrival);
            let stays_listed = (&live.entry.owner, created) == (&entry.owner, entry.created);
            if let Both::Two { old: from, new: to } = &mut both
                && self.walks.catches(from, to, created)
            {
                self.take(from, old);
                return Ok(Replaced::Gone);
            }
            if !self.is_free(both.target(), new, now) {
                return Err(StoreError::taken(*new));
            }
            let mark = Held::Moved { to: *new, until: moved_until };
            match &entry.owner {
                Some(owner) if stays_listed => {
                    self.take_listed(both.source(), old);
                    self.put(both.source(), *old, mark);
                    self.owners.moved(owner, Place { created, arrival }, *new);
                    let live = Live { version: version.number(), arrival, entry: entry.compact() };
                    self.put(both.target(), *new, Held::Live(live));
                }
                Some(_) | None => {
                    self.take(both.source(), old);
                    self.put(both.source(), *old, mark);
                    self.put_live(both.target(), *new, version.number(), entry.compact());
                }
            }
        }
        self.make_room(now);
        Ok(Replaced::Yes(version))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.follow(*key, now).is_some_and(|(key, mut shard)| self.take(&mut shard, &key).is_some()))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(self.sweep_some(now, limit).await)
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let after = after.map(Place::read).transpose()?;
        let page = self.owned_after(owner, after, limit.max(1), now);
        if page.next.is_some() {
            tokio::task::yield_now().await;
        }
        Ok(page)
    }

    async fn count_owned(&self, owner: &str, at_most: usize, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.count_live(owner, at_most, now).await)
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let ended = self.end_oldest(owner, keep, limit, now);
        if ended.more {
            tokio::task::yield_now().await;
        }
        Ok(ended)
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let page = self.end_some_before(point, after, now)?;
        if page.next.is_some() {
            tokio::task::yield_now().await;
        }
        Ok(page)
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let after = after.map(Cursor::key).transpose()?;
        self.scan_some(after, limit, now).await
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        let durable = "sessions end with the process, and no other process sees them";
        let evicted = match self.room.evictions() {
            0 => (Severity::Good, "no session was evicted".to_owned()),
            count => (Severity::Problem, format!("{count} sessions were evicted because the store was full")),
        };
        let checkup = Checkup::new("memory of this process").found(Topic::Durability, Severity::Problem, durable);
        Ok(checkup.found(Topic::Eviction, evicted.0, evicted.1))
    }

    fn feed(&self) -> Option<Feed> {
        Some(self.announcer.feed())
    }
}
