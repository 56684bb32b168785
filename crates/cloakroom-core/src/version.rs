//! Which version of a session a store has.
//!
//! A version names one write, not a count: a store that lost acknowledged writes in a failover, or
//! was restored from an older copy, counts the same numbers a second time, and a slow request that
//! has seen a lost write must not take another one for it. So the number has two parts, in 63 bits,
//! because stores keep it as a signed integer:
//!
//! | bits | part |
//! |---|---|
//! | 62 to 32 | a counter: 1 when the session is created, one more at each write |
//! | 31 to 0 | a tag: random, from the id of the commit that wrote it |
//!
//! The counter keeps versions in order; the tag makes them unique. A number that a store counted up
//! from 1 before there were tags is a version too: it is below 2^32, and the next one goes on from
//! there.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// The width of the tag.
const TAG_BITS: u32 = 32;

/// The largest counter: 31 bits.
const MOST: u64 = (1 << 31) - 1;

/// A version of a session in a store: a number that grows with each write, and that no two writes
/// share.
///
/// A store gives each write the version of `Entry::next_version`, which uses [`Version::first`] and
/// [`Version::after`]. A store whose server compares what is there and not numbers gives the value
/// along, as it found it, and gets it back with the number. Two versions are the same if their
/// numbers are.
///
/// # Security
/// `Debug` shows the number alone.
///
/// # Examples
/// ```
/// use cloakroom_core::Version;
///
/// let first = Version::first(0x5eed);
/// let next = Version::after(&first, 0xbead);
/// assert!(next > first);
/// // Another write on top of the same version, in a history that was lost.
/// assert_ne!(Version::after(&first, 0xfeed), next);
/// ```
#[derive(Clone, Default)]
pub struct Version {
    number: u64,
    image: Option<Arc<Vec<u8>>>,
}

impl Version {
    /// The version of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self { number, image: None }
    }

    /// The version of a session's first write.
    #[must_use]
    pub fn first(tag: u32) -> Self {
        Self::new((1 << TAG_BITS) | u64::from(tag))
    }

    /// The version of a write that replaces `seen`.
    #[must_use]
    pub fn after(seen: &Self, tag: u32) -> Self {
        // A counter that can't grow any more, which takes 2^31 writes, still leaves the tag.
        let counter = seen.writes().saturating_add(1).min(MOST);
        Self::new((counter << TAG_BITS) | u64::from(tag))
    }

    /// A tag for a record that no commit has marked: a hash of its text.
    ///
    /// Two writes on top of the same version then share a version only if they wrote the same.
    #[must_use]
    pub fn tag_of(text: &str) -> u32 {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(text));
        u32::from_be_bytes([a, b, c, d])
    }

    /// Returns whether nothing was written under its key since the session was created there.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.writes() == 1
    }

    /// How many writes there were under its key, this one included; 0 if no store has it.
    #[must_use]
    pub const fn writes(&self) -> u64 {
        // Without a counter it is a number that a store counted up from 1.
        match self.number >> TAG_BITS {
            0 => self.number,
            counter => counter,
        }
    }

    /// The same version, with what its store has there, byte for byte.
    #[must_use]
    pub fn with_image(mut self, image: Vec<u8>) -> Self {
        self.image = Some(Arc::new(image));
        self
    }

    /// Its number, below 2^63.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// What its store had there, if it was loaded by one that wants to be told.
    #[must_use]
    pub fn image(&self) -> Option<&[u8]> {
        self.image.as_deref().map(Vec::as_slice)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Version").field(&self.number).finish()
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_grow_whatever_their_tags_are() {
        let mut seen = Version::first(u32::MAX);
        assert!(seen.is_first());
        for (step, tag) in (2..).zip([0, u32::MAX, 1, 7, 0]) {
            let next = Version::after(&seen, tag);
            assert!(next > seen, "{next:?} after {seen:?}");
            assert_eq!((next.writes(), next.is_first()), (step, false));
            seen = next;
        }
    }

    #[test]
    fn numbers_without_a_tag_stay_valid() {
        for (number, is_first) in [(1, true), (2, false), (3, false), (u64::from(u32::MAX), false)] {
            let old = Version::new(number);
            assert_eq!(old.is_first(), is_first, "{number}");
            let next = Version::after(&old, 0);
            assert!(next > old && !next.is_first(), "{number}");
            assert_eq!((old.writes(), next.writes()), (number, (number + 1).min(MOST)), "{number}");
        }
    }

    #[test]
    fn a_version_fits_into_a_signed_integer() {
        let last = Version::after(&Version::new(i64::MAX as u64), u32::MAX);
        assert_eq!(last.number(), i64::MAX as u64);
        assert_ne!(Version::after(&last, 5), last, "the tag still differs");
        assert!(i64::try_from(Version::after(&Version::new(u64::MAX), u32::MAX).number()).is_ok());
    }
}
