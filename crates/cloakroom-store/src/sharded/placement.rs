//! The shard of each key: rendezvous hashing.
//!
//! Each shard has a score for a key, and the key belongs to the shard with the highest. A new shard
//! therefore takes an equal part of the keys of each other shard, and no key moves between those.
//!
//! The scores are part of the data format: another function would look for every session in a
//! wrong place.

use cloakroom_session::factory::StoreKey;

/// The shards, as the seeds of their scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement(Vec<u64>);

impl Placement {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self(names.map(|name| mixed(fnv(name.as_bytes()))).collect())
    }

    /// Returns the position of a key's shard.
    pub(super) fn of(&self, key: &StoreKey) -> usize {
        // A key is a SHA-256 hash: any part of it is evenly distributed.
        let key = key.as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes);
        let scores = self.0.iter().map(|seed| mixed(seed ^ key)).enumerate();
        scores.max_by_key(|(_, score)| *score).map_or(0, |(position, _)| position)
    }
}

/// Returns the hash of a name (FNV-1a, 64 bits).
fn fnv(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Spreads the bits of a number (the last step of SplitMix64).
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloakroom_session::factory::SessionId;

    fn keys(count: u32) -> impl Iterator<Item = StoreKey> {
        let id = SessionId::from_random([7; 32]);
        (0..count).map(move |number| id.derived(number).store_key())
    }

    fn placement(names: &str) -> Placement {
        Placement::new(names.split(' '))
    }

    #[test]
    fn the_shards_have_equal_parts() {
        for names in ["a b", "1 2 3 4 5 6 7 8", "eu-west-1 eu-west-2 us-east-1"] {
            let shards = names.split(' ').count();
            let mut counts = vec![0_usize; shards];
            keys(24_000).for_each(|key| counts[placement(names).of(&key)] += 1);
            let fair = 24_000 / shards;
            assert!(counts.iter().all(|count| count.abs_diff(fair) < fair / 10), "{names}: {counts:?}");
        }
    }

    #[test]
    fn a_new_shard_takes_its_part_and_moves_no_key_between_others() {
        let (old, new) = (placement("a b c"), placement("a b c d"));
        let moved = keys(12_000).filter(|key| old.of(key) != new.of(key));
        let moved: Vec<_> = moved.map(|key| new.of(&key)).collect();
        assert!(moved.iter().all(|to| *to == 3));
        assert!(moved.len().abs_diff(3_000) < 300, "{}", moved.len());
    }

    /// Sessions of earlier releases must be found.
    #[test]
    fn the_places_stay_as_they_are() {
        let placement = placement("one two three");
        let places: Vec<_> = keys(16).map(|key| placement.of(&key)).collect();
        assert_eq!(places, PLACES);
    }

    const PLACES: [usize; 16] = [1, 2, 0, 1, 2, 1, 1, 1, 0, 0, 2, 1, 0, 2, 1, 0];
}
