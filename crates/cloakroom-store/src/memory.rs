//! A store in memory, for one process: bounded, and expiring.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_session::{StoreKey, Timestamp, Version};

use crate::checkup::{Checkup, Severity, Topic};
use crate::error::StoreError;
use crate::keyed::Keyed;
use crate::scan::{Cursor, Page, Scanned};
use crate::store::{Created, Entry, Loaded, Owned, Replaced, Store};
use crate::walks::{EndedPage, OwnedPage};

/// As many locks as cores are likely to ask for one at the same time, twice over.
const SHARDS: usize = 64;

/// How many sessions are kept, unless configured.
const CAPACITY: usize = 1_000_000;

/// Sessions in memory: gone with the process, and not shared with others.
///
/// Right for tests, for development, and for one process whose sessions may end with it. A session lies as text until it is used
/// again, and as its record from then on, which no request has to read or write. It keeps at most
/// [`MemoryStore::capacity`] sessions; a new one beyond that takes the place of those that would end first.
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
    shards: Box<[Mutex<Keyed<Slot>>]>,
    capacity: usize,
}

#[derive(Debug)]
enum Slot {
    /// The number of its version, and what it says.
    Live(u64, Entry),
    Moved {
        to: StoreKey,
        until: Timestamp,
    },
}

impl Slot {
    fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Live(_, entry) => entry.is_over(now),
            Self::Moved { until, .. } => now > *until,
        }
    }

    /// When it ends by itself, for deciding which one has to go.
    fn end(&self) -> Option<Timestamp> {
        match self {
            Self::Live(_, entry) => entry.deadline,
            Self::Moved { until, .. } => Some(*until),
        }
    }
}

type Shard<'a> = MutexGuard<'a, Keyed<Slot>>;

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store for a million sessions.
    #[must_use]
    pub fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, capacity: CAPACITY }
    }

    /// How many sessions it may keep; rounded up to a multiple of 64.
    #[must_use]
    pub const fn capacity(mut self, sessions: usize) -> Self {
        self.capacity = sessions;
        self
    }

    /// How many sessions and moved marks there are, ended ones that weren't swept yet included.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..SHARDS).map(|index| self.shard(index).len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, index: usize) -> Shard<'_> {
        #[expect(clippy::indexing_slicing, reason = "an index below SHARDS")]
        let shard = &self.shards[index % SHARDS];
        // Each change of a map is one statement: what a panic leaves behind is whole.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard_of(&self, key: &StoreKey) -> Shard<'_> {
        self.shard(index_of(key))
    }

    /// The shards of two keys, locked in the order of their places, so that two moves can't wait for each other.
    fn shards_of(&self, one: &StoreKey, other: &StoreKey) -> Both<'_> {
        let (one, other) = (index_of(one), index_of(other));
        let low = one.min(other);
        Both { low, first: self.shard(low), second: (one != other).then(|| self.shard(one.max(other))) }
    }

    /// Where a session is now that was under this key once, and its shard; nothing if the way there leads over a key that isn't `new`.
    fn follow(
        &self,
        mut key: StoreKey,
        now: Timestamp,
        mut new: impl FnMut(&StoreKey) -> bool,
    ) -> Option<(StoreKey, Shard<'_>)> {
        while new(&key) {
            let shard = self.shard_of(&key);
            match shard.get(&key).filter(|slot| !slot.is_over(now))? {
                Slot::Moved { to, .. } => key = *to,
                Slot::Live(..) => return Some((key, shard)),
            }
        }
        None
    }

    /// Makes room for one more in a shard that is full.
    fn make_room(&self, shard: &mut Shard<'_>, now: Timestamp) {
        let limit = self.capacity.div_ceil(SHARDS).max(1);
        if shard.len() < limit {
            return;
        }
        shard.retain(|_, slot| !slot.is_over(now));
        while shard.len() >= limit {
            // Those without an end go last.
            let first = shard.iter().min_by_key(|(_, slot)| (slot.end().is_none(), slot.end())).map(|(key, _)| *key);
            let Some(first) = first else { return };
            tracing::warn!(key = ?first, "memory store full: a session ended early");
            shard.remove(&first);
        }
    }
}

/// One shard or two, locked.
struct Both<'a> {
    low: usize,
    first: Shard<'a>,
    second: Option<Shard<'a>>,
}

impl<'a> Both<'a> {
    fn of(&mut self, key: &StoreKey) -> &mut Shard<'a> {
        match &mut self.second {
            Some(second) if index_of(key) != self.low => second,
            _ => &mut self.first,
        }
    }
}

fn index_of(key: &StoreKey) -> usize {
    // A hash already: any byte of it is as good as random.
    usize::from(key.as_bytes()[0]) % SHARDS
}

fn live<'a>(shard: &'a mut Shard<'_>, key: &StoreKey, now: Timestamp) -> Option<(&'a mut u64, &'a mut Entry)> {
    match shard.get_mut(key) {
        Some(Slot::Live(version, entry)) if !entry.is_over(now) => Some((version, entry)),
        _ => None,
    }
}

impl Store for MemoryStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        Ok(match self.shard_of(key).get(key) {
            Some(slot) if slot.is_over(now) => Loaded::Absent,
            Some(Slot::Live(version, entry)) => Loaded::Live(Version::new(*version), entry.warm().clone()),
            Some(Slot::Moved { .. }) => Loaded::Moved,
            None => Loaded::Absent,
        })
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let mut shard = self.shard_of(key);
        if shard.get(key).is_some_and(|slot| !slot.is_over(now)) {
            return Ok(Created::Taken);
        }
        self.make_room(&mut shard, now);
        let version = entry.next_version(None);
        shard.insert(*key, Slot::Live(version.number(), entry.cold()));
        Ok(Created::Yes(version))
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let mut shard = self.shard_of(key);
        Ok(match live(&mut shard, key, now) {
            None => Replaced::Gone,
            Some((version, _)) if *version != seen.number() => Replaced::Conflict,
            Some((version, there)) => {
                let next = entry.next_version(Some(&seen));
                *version = next.number();
                *there = entry.compact();
                Replaced::Yes(next)
            }
        })
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut shard = self.shard_of(key);
        let Some((_, entry)) = live(&mut shard, key, now) else { return Ok(false) };
        entry.touched = entry.touched.max(touched);
        entry.deadline = match (entry.deadline, deadline) {
            (Some(there), Some(wanted)) => Some(there.max(wanted)),
            _ => None,
        };
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
        let mut both = self.shards_of(old, new);
        match live(both.of(old), old, now) {
            None => return Ok(Replaced::Gone),
            Some((version, _)) if *version != seen.number() => return Ok(Replaced::Conflict),
            Some(_) => {}
        }
        if both.of(new).get(new).is_some_and(|slot| !slot.is_over(now)) {
            return Err(StoreError::taken(*new));
        }
        both.of(old).insert(*old, Slot::Moved { to: *new, until: moved_until });
        let shard = both.of(new);
        self.make_room(shard, now);
        let version = entry.next_version(None);
        shard.insert(*new, Slot::Live(version.number(), entry.compact()));
        Ok(Replaced::Yes(version))
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.follow(*key, now, |_| true).is_some_and(|(key, mut shard)| shard.remove(&key).is_some()))
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut swept = 0;
        for index in 0..SHARDS {
            // One shard at a time: nobody waits for the whole sweep.
            self.shard(index).retain(|_, slot| {
                let goes = swept < limit && slot.is_over(now);
                swept += usize::from(goes);
                !goes
            });
            if swept >= limit {
                break;
            }
        }
        Ok(swept)
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let is_theirs = |entry: &Entry| entry.owner.as_deref() == Some(owner) && !entry.is_over(now);
        let mut keys = Vec::new();
        for index in 0..SHARDS {
            let shard = self.shard(index);
            let met = shard.iter().filter(|(_, slot)| match slot {
                Slot::Live(_, entry) => is_theirs(entry),
                // A session may have moved to a shard that was looked at before this one.
                Slot::Moved { .. } => true,
            });
            keys.extend(met.map(|(key, _)| *key));
        }
        let (mut found, mut seen) = (Vec::new(), Keyed::default());
        for key in keys {
            let now_at = self.follow(key, now, |key| seen.insert(*key, ()).is_none());
            if let Some((key, shard)) = now_at
                && let Some(Slot::Live(_, entry)) = shard.get(&key)
                && is_theirs(entry)
            {
                found.push(Owned::new(key, entry.clone()));
            }
        }
        OwnedPage::cut(found, after, limit)
    }

    async fn end_before(
        &self,
        point: Timestamp,
        _after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let goes = |slot: &Slot| matches!(slot, Slot::Live(_, entry) if entry.created < point && !entry.is_over(now));
        let (mut ended, mut marks) = (0, Vec::new());
        for index in 0..SHARDS {
            self.shard(index).retain(|key, slot| {
                if matches!(slot, Slot::Moved { .. }) {
                    marks.push(*key);
                }
                let goes = goes(slot);
                ended += usize::from(goes);
                !goes
            });
        }
        // A session may have moved to a shard that was looked at before its old one.
        let mut seen = Keyed::default();
        for mark in marks {
            let now_at = self.follow(mark, now, |key| seen.insert(*key, ()).is_none());
            if let Some((key, mut shard)) = now_at
                && shard.get(&key).is_some_and(goes)
            {
                shard.remove(&key);
                ended += 1;
            }
        }
        Ok(EndedPage::new(ended, None))
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let after = after.map(Cursor::key).transpose()?;
        let mut page = Page::default();
        let first = after.as_ref().map_or(0, index_of);
        for index in first..SHARDS {
            // One shard at a time, each in the order of its keys: what comes and goes meanwhile changes nobody else's place.
            let shard = self.shard(index);
            let is_behind = |key: &StoreKey| index > first || after.is_none_or(|after| *key > after);
            let mut found: Vec<Scanned> = shard
                .iter()
                .filter(|(key, slot)| !slot.is_over(now) && is_behind(key))
                .filter_map(|(key, slot)| match slot {
                    Slot::Live(version, entry) => Some(Scanned::new(*key, Version::new(*version), entry.clone())),
                    Slot::Moved { .. } => None,
                })
                .collect();
            found.sort_by_key(|scanned| scanned.key);
            if page.fill(found, limit) {
                break;
            }
        }
        Ok(page)
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        let durable = "sessions end with the process, and no other process sees them";
        Ok(Checkup::new("memory of this process").found(Topic::Durability, Severity::Problem, durable))
    }
}
