//! The part of the store guarded by one lock.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use super::slot::{Class, Held, Live, PerClass};
use crate::keyed::Keyed;

/// The number of entries sampled to find one to evict. Eight lookups cost about a microsecond. If
/// half of a class should be evicted before the rest, the sample contains one of them with a
/// probability of 99.6 %.
const SAMPLE: usize = 8;

/// A map of entries. The keys of each class are also in a list, so that candidates can be picked by
/// position.
#[derive(Debug, Default)]
pub(super) struct Shard {
    slots: Keyed<Slot>,
    keys: PerClass<Vec<StoreKey>>,
    /// No entry expires before this time; `None` if none expires at all. A touch may leave it too
    /// early, which costs one extra walk.
    due: Option<Timestamp>,
    /// The start position of the next search for a candidate.
    hand: usize,
    /// The last walk of [`end_before`](crate::store::Store::end_before) that has passed this shard.
    pub(super) passed: Option<Passed>,
}

#[derive(Debug)]
struct Slot {
    /// The position of its key in the list of its class.
    at: u32,
    held: Held,
}

/// A walk that ends all sessions created before a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub(super) walk: u64,
    pub(super) point: Timestamp,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, key: &StoreKey) -> Option<&Held> {
        self.slots.get(key).map(|slot| &slot.held)
    }

    /// Returns the session under a key, if it is live.
    pub(super) fn live(&mut self, key: &StoreKey, now: Timestamp) -> Option<&mut Live> {
        match &mut self.slots.get_mut(key)?.held {
            Held::Live(live) if !live.entry.is_expired(now) => Some(live),
            Held::Live(_) | Held::Moved { .. } => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&StoreKey, &Held)> {
        self.slots.iter().map(|(key, slot)| (key, &slot.held))
    }

    /// Adds an entry under a free key.
    pub(super) fn insert(&mut self, key: StoreKey, held: Held) {
        self.expires(held.end());
        let keys = self.keys_of(held.class());
        #[expect(clippy::cast_possible_truncation, reason = "four billion entries don't fit into one shard")]
        let at = keys.len() as u32;
        keys.push(key);
        self.slots.insert(key, Slot { at, held });
    }

    pub(super) fn remove(&mut self, key: &StoreKey) -> Option<Held> {
        let Slot { at, held } = self.slots.remove(key)?;
        let keys = self.keys_of(held.class());
        keys.swap_remove(at as usize);
        // The last key of the list has moved to this position.
        if let Some(slot) = keys.get(at as usize).copied().and_then(|moved| self.slots.get_mut(&moved)) {
            slot.at = at;
        }
        Some(held)
    }

    /// Records that an entry expires at this time.
    pub(super) fn expires(&mut self, end: Option<Timestamp>) {
        self.due = match (self.due, end) {
            (Some(due), Some(end)) => Some(due.min(end)),
            (due, end) => due.or(end),
        };
    }

    /// Returns whether an entry may have expired.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| now > due)
    }

    /// Returns the keys of at most `limit` expired entries.
    pub(super) fn expired(&mut self, now: Timestamp, limit: usize) -> Vec<StoreKey> {
        let mut found = Vec::new();
        if !self.is_due(now) {
            return found;
        }
        let mut due: Option<Timestamp> = None;
        for (key, slot) in &self.slots {
            let end = slot.held.end();
            if found.len() < limit && slot.held.is_expired(now) {
                found.push(*key);
            } else if let Some(end) = end {
                due = Some(due.map_or(end, |due| due.min(end)));
            }
        }
        self.due = due;
        found
    }

    /// Returns the entry of a class with the smallest rank, among a few that are spread over the
    /// class: neighbours in the list often arrived together and are alike.
    pub(super) fn candidate<R: Ord>(&mut self, class: Class, rank: impl Fn(&Held) -> R) -> Option<StoreKey> {
        let keys = self.keys.of(class);
        let start = self.hand.checked_rem(keys.len())?;
        let step = (keys.len() / SAMPLE).max(1);
        let positions = (0..SAMPLE.min(keys.len())).map(|number| (start + number * step) % keys.len());
        let ranked = positions.filter_map(|position| {
            let key = keys.get(position)?;
            Some((rank(self.get(key)?), *key))
        });
        let first = ranked.min_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, key)| key);
        self.hand = self.hand.wrapping_add(1);
        first
    }

    fn keys_of(&mut self, class: Class) -> &mut Vec<StoreKey> {
        self.keys.of_mut(class)
    }
}
