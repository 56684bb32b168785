//! Entries in memory, up to a number of bytes.

use std::mem;
use std::time::Instant;

use cloakroom_session::factory::{StoreKey, Version};

use crate::entry::Entry;
use crate::keyed::Keyed;

/// The memory that an entry takes in addition to its text: an estimate.
const OVERHEAD: usize = 512;

/// A copy of an entry.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) version: Version,
    pub(super) entry: Entry,
    /// When it was loaded.
    pub(super) since: Instant,
    bytes: usize,
}

impl Copy {
    pub(super) fn new(version: Version, entry: &Entry, since: Instant) -> Self {
        let entry = entry.warm().clone();
        // The text and the record that is decoded from it, and the version's image of the text.
        let image = version.image().map_or(0, <[u8]>::len);
        let bytes = OVERHEAD + 2 * entry.text().len() + image + entry.owner.as_ref().map_or(0, String::len);
        Self { version, entry, since, bytes }
    }
}

/// Copies by key, of which the least recently used ones are evicted.
///
/// There are two halves. A copy that is used moves to the young half. When that is full, it becomes
/// the old one, and the remaining copies of the old half are evicted. Each of them was last used
/// longer ago than those that stay.
#[derive(Debug)]
pub(super) struct Kept {
    young: Half,
    old: Half,
    /// The bytes of one half.
    room: usize,
}

#[derive(Debug, Default)]
struct Half {
    copies: Keyed<Copy>,
    bytes: usize,
}

impl Half {
    fn put(&mut self, key: StoreKey, copy: Copy) {
        self.take(&key);
        self.bytes += copy.bytes;
        self.copies.insert(key, copy);
    }

    fn take(&mut self, key: &StoreKey) -> Option<Copy> {
        let copy = self.copies.remove(key)?;
        self.bytes -= copy.bytes;
        Some(copy)
    }
}

impl Kept {
    pub(super) fn new(bytes: usize) -> Self {
        Self { young: Half::default(), old: Half::default(), room: bytes / 2 }
    }

    /// Returns the copy of an entry.
    pub(super) fn get(&mut self, key: &StoreKey) -> Option<&Copy> {
        if let Some(copy) = self.old.take(key) {
            self.put(*key, copy);
        }
        self.young.copies.get(key)
    }

    /// Returns the version of a copy, which doesn't count as a use.
    pub(super) fn version(&self, key: &StoreKey) -> Option<&Version> {
        let copy = self.young.copies.get(key).or_else(|| self.old.copies.get(key))?;
        Some(&copy.version)
    }

    /// Keeps a copy, unless it is larger than the cache allows. Returns the number of evicted
    /// copies.
    pub(super) fn put(&mut self, key: StoreKey, copy: Copy) -> usize {
        self.remove(&key);
        if copy.bytes > self.room {
            return 1;
        }
        let mut evicted = 0;
        if self.young.bytes + copy.bytes > self.room {
            evicted = mem::replace(&mut self.old, mem::take(&mut self.young)).copies.len();
        }
        self.young.put(key, copy);
        evicted
    }

    /// Removes a copy. Returns whether it was there.
    pub(super) fn remove(&mut self, key: &StoreKey) -> bool {
        self.young.take(key).or_else(|| self.old.take(key)).is_some()
    }

    /// Removes the copies of an owner's sessions.
    pub(super) fn remove_owned(&mut self, owner: &str) {
        for half in [&mut self.young, &mut self.old] {
            let mut freed = 0;
            half.copies.retain(|_, copy| {
                let stays = copy.entry.owner.as_deref() != Some(owner);
                freed += if stays { 0 } else { copy.bytes };
                stays
            });
            half.bytes -= freed;
        }
    }

    /// Returns an empty one with the same limit.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.room.saturating_mul(2))
    }

    /// Returns the number of copies and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.young.copies.len() + self.old.copies.len(), self.young.bytes + self.old.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use cloakroom_session::Timestamp;
    use cloakroom_session::factory::{StoreKey, Version};

    use super::{Copy, Kept, OVERHEAD};
    use crate::entry::Entry;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn key(number: usize) -> StoreKey {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&(number as u64).to_ne_bytes());
        StoreKey::from_bytes(bytes)
    }

    #[expect(clippy::disallowed_methods, reason = "the time isn't looked at")]
    fn copy(text: usize, owner: &str) -> Copy {
        let entry = Entry::new("x".repeat(text).into(), NOW, NOW, None).owner(Some(owner.to_owned()));
        Copy::new(Version::new(1), &entry, Instant::now())
    }

    #[test]
    fn the_limit_in_bytes_is_never_exceeded_and_used_copies_stay() {
        let limit = 100 * OVERHEAD;
        let mut kept = Kept::new(limit);
        let mut evicted = 0;
        for number in 0..10_000 {
            evicted += kept.put(key(number), copy(number % 1000, "ann"));
            assert!(kept.get(&key(0)).is_some(), "used all the time: {number}");
            assert!(kept.size().1 <= limit, "{:?} after {number}", kept.size());
        }
        assert_eq!(kept.size().0 + evicted, 10_000);
        assert!(kept.get(&key(5000)).is_none());
        assert!(kept.get(&key(9_999)).is_some());
    }

    #[test]
    fn a_copy_that_is_too_large_is_not_kept_and_replaces_nothing_else() {
        let mut kept = Kept::new(10 * OVERHEAD);
        kept.put(key(1), copy(1, "ann"));
        kept.put(key(2), copy(1, "ann"));
        assert_eq!(kept.put(key(1), copy(10 * OVERHEAD, "ann")), 1);
        assert!(kept.get(&key(1)).is_none(), "the smaller one was out of date");
        assert!(kept.get(&key(2)).is_some());
    }

    #[test]
    fn removed_copies_free_their_bytes() {
        let mut kept = Kept::new(100 * OVERHEAD);
        for number in 0..150 {
            kept.put(key(number), copy(number, if number % 2 == 0 { "ann" } else { "bob" }));
        }
        kept.remove_owned("ann");
        assert!((0..150).step_by(2).all(|number| kept.get(&key(number)).is_none()));
        for number in 0..150 {
            kept.remove(&key(number));
        }
        assert_eq!(kept.size(), (0, 0));
    }
}
