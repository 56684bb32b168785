//! The keys that a handler has read.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The capacity, which nearly no handler exceeds. Beyond it, every key counts as read.
const ROOM: usize = 14;

/// The keys that a handler has read, as 32-bit hashes, so that recording one needs no allocation.
///
/// Two keys collide with a probability of 1 in 2^32. The effect of a collision is a wrong warning
/// or, under the strict policy, a needless conflict error.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    hashes: [u32; ROOM],
    count: u8,
    all: bool,
}

impl Reads {
    pub(super) const EMPTY: Self = Self { hashes: [0; ROOM], count: 0, all: false };

    pub(super) fn add(&mut self, key: &str) {
        if self.contains(key) {
            return;
        }
        match self.hashes.get_mut(usize::from(self.count)) {
            Some(free) => {
                *free = hash(key);
                self.count += 1;
            }
            None => self.all = true,
        }
    }

    pub(super) const fn add_all(&mut self) {
        self.all = true;
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        let hashes = self.hashes.get(..usize::from(self.count)).unwrap_or_default();
        self.all || (!hashes.is_empty() && hashes.contains(&hash(key)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
fn hash(key: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_read_are_known_and_others_are_not() {
        let mut reads = Reads::EMPTY;
        for round in 0..2 {
            for number in 0..ROOM {
                reads.add(&format!("key {number}"));
            }
            assert_eq!(usize::from(reads.count), ROOM, "round {round}: a key is remembered once");
        }
        assert!(reads.contains("key 0") && reads.contains("key 13") && !reads.contains("key 14"));
        reads.add("key 14");
        assert!(reads.contains("key 14") && reads.contains("anything"), "too many to tell apart");
    }
}
