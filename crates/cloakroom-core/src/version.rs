//! The version of a stored session.
//!
//! A version names one write. A plain counter isn't enough: a store that lost acknowledged writes
//! in a failover, or was restored from a backup, assigns the same numbers twice, and a slow request
//! that has seen a lost write must not confuse it with another one. A version therefore has two
//! parts, in 63 bits, because stores keep it as a signed integer:
//!
//! | bits | part |
//! |---|---|
//! | 62 to 32 | a counter: 1 when the session is created, incremented at each write |
//! | 31 to 0 | a tag: random, from the id of the commit that wrote it |
//!
//! The counter orders versions; the tag makes them unique. A number below 2^32 is a version without
//! a tag, counted from 1 by an older release. Its successor continues that count.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// The width of the tag.
const TAG_BITS: u32 = 32;

/// The largest counter: 31 bits.
const MOST: u64 = (1 << 31) - 1;

/// The version of a session in a store.
///
/// It is a number that grows with each write and is never reused. A store assigns each write the
/// version of `Entry::next_version`, which uses [`Version::first`] and [`Version::after`]. A store
/// whose server compares stored values instead of numbers attaches the value that it loaded, and
/// receives it back with the number. Two versions are equal if their numbers are.
///
/// # Security
/// `Debug` shows only the number.
///
/// # Examples
/// ```
/// use cloakroom_core::Version;
///
/// let first = Version::first(0x5eed);
/// let next = Version::after(&first, 0xbead);
/// assert!(next > first);
/// // Another write on the same version, in a history that was lost.
/// assert_ne!(Version::after(&first, 0xfeed), next);
/// ```
#[derive(Clone, Default)]
pub struct Version {
    number: u64,
    image: Option<Arc<Vec<u8>>>,
}

impl Version {
    /// Creates a version with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self { number, image: None }
    }

    /// Returns the version of a session's first write.
    #[must_use]
    pub fn first(tag: u32) -> Self {
        Self::new((1 << TAG_BITS) | u64::from(tag))
    }

    /// Returns the version of a write that replaces `seen`.
    #[must_use]
    pub fn after(seen: &Self, tag: u32) -> Self {
        // If the counter saturates, after 2^31 writes, the tag still tells versions apart.
        let counter = seen.writes().saturating_add(1).min(MOST);
        Self::new((counter << TAG_BITS) | u64::from(tag))
    }

    /// Returns a tag for a record without a commit mark: a hash of its text.
    ///
    /// Two writes on the same version then have equal versions only if they wrote the same text.
    #[must_use]
    pub fn tag_of(text: &str) -> u32 {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(text));
        u32::from_be_bytes([a, b, c, d])
    }

    /// Returns `true` if this is the version of the write that created the session.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.writes() == 1
    }

    /// Returns the number of writes to the session, including this one.
    ///
    /// It is 0 if no store has the session.
    #[must_use]
    pub const fn writes(&self) -> u64 {
        // A number without a tag was counted up from 1 by the store.
        match self.number >> TAG_BITS {
            0 => self.number,
            counter => counter,
        }
    }

    /// Attaches the stored value, byte for byte.
    #[must_use]
    pub fn with_image(mut self, image: Vec<u8>) -> Self {
        self.image = Some(Arc::new(image));
        self
    }

    /// Returns the number, which is below 2^63.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Returns the stored value, if the store that loaded this version attached it.
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
    fn versions_grow_regardless_of_their_tags() {
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
