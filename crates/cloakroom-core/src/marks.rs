//! The commits that wrote a record last.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use crate::lifetimes::CLOCK_SKEW;
use crate::time::Timestamp;

/// How many marks a record keeps.
const KEPT: usize = 8;

/// No commit is tried again later than this.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// The first two bytes of the ids that this process makes.
static PROCESS: OnceLock<[u8; 2]> = OnceLock::new();

/// The name of one commit: 16 bits that name the process, and 32 random bits.
///
/// A commit leaves its id in the record that it writes ([`Record::mark`](crate::Record::mark)).
/// When the answer of the store is lost and the commit is tried again, it finds its own id in the
/// newest record and knows that it was carried out.
///
/// # Examples
/// ```
/// use cloakroom_core::{CommitId, Lifetimes, Record, Timestamp};
///
/// let now = Timestamp::from_unix_secs(1_700_000_000);
/// let mut record = Record::new(now, &Lifetimes::default());
/// let id = CommitId::from_random([1, 2, 3, 4, 5, 6]);
/// record.mark(id, now);
/// assert!(record.has_commit(id));
/// assert_eq!(record.last_commit(), Some(id));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct CommitId([u8; Self::LEN]);

impl CommitId {
    /// The length of an id in bytes.
    pub const LEN: usize = 6;

    /// Makes an id from 6 random bytes.
    #[must_use]
    pub const fn from_random(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Makes an id of this process from 6 random bytes. The first call gives the process its name.
    ///
    /// A record that has no room for all ids keeps some of each process, so that a busy process
    /// does not push out the ids for which another one still looks.
    #[must_use]
    pub fn of_this_process([a, b, c, d, e, f]: [u8; Self::LEN]) -> Self {
        let [a, b] = *PROCESS.get_or_init(|| [a, b]);
        Self([a, b, c, d, e, f])
    }

    /// The part that names the process.
    const fn process(self) -> [u8; 2] {
        let [a, b, ..] = self.0;
        [a, b]
    }

    /// The id as a number below 2^48.
    #[must_use]
    pub const fn number(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The tag of a [`Version`](crate::Version) that this commit writes: the lower half of its
    /// bits.
    #[must_use]
    pub const fn tag(self) -> u32 {
        let [_, _, c, d, e, f] = self.0;
        u32::from_be_bytes([c, d, e, f])
    }

    /// Reads an id that was written as a number; `None` from 2^48 on.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number.to_be_bytes() {
            [0, 0, a, b, c, d, e, f] => Some(Self([a, b, c, d, e, f])),
            _ => None,
        }
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitId({:012x})", self.number())
    }
}

/// The ids of the last commits, oldest first, kept without an allocation.
#[derive(Clone, Copy, Default)]
pub(crate) struct Marks {
    ids: [CommitId; KEPT],
    count: u8,
    /// When the newest of them was made. Has no meaning as long as there is none.
    newest: Timestamp,
}

impl Marks {
    pub(crate) const NONE: Self =
        Self { ids: [CommitId([0; CommitId::LEN]); KEPT], count: 0, newest: Timestamp::from_unix_secs(0) };

    /// The marks, oldest first.
    pub(crate) fn ids(&self) -> &[CommitId] {
        self.ids.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// When the newest one was made.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        (self.count > 0).then_some(self.newest)
    }

    /// Appends a mark, and forgets those whose commits are not tried again any more.
    ///
    /// Another node's clock may be behind: a mark lives that much longer than any retry.
    pub(crate) fn push(&mut self, id: CommitId, now: Timestamp) {
        if now > self.newest + LONGEST_RETRY + CLOCK_SKEW {
            self.count = 0;
        }
        self.newest = if self.count == 0 { now } else { self.newest.max(now) };
        if usize::from(self.count) == KEPT {
            self.drop_one(id.process());
        }
        self.append(id);
    }

    /// Drops the oldest mark of the process that has the most of them, of the one that `writes` if
    /// several have as many.
    fn drop_one(&mut self, writes: [u8; 2]) {
        let of = |process| self.ids.iter().filter(|id| id.process() == process).count();
        let most = self.ids.iter().map(|id| of(id.process())).max().unwrap_or_default();
        let first = |process| self.ids.iter().position(|id| id.process() == process);
        let own = first(writes).filter(|_| of(writes) == most);
        if let Some(index) = own.or_else(|| self.ids.iter().position(|id| of(id.process()) == most))
            && let Some(behind) = self.ids.get_mut(index..)
        {
            behind.rotate_left(1);
            self.count -= 1;
        }
    }

    /// Appends a mark that was read; [`Marks::dated`] follows.
    pub(crate) fn append(&mut self, id: CommitId) {
        match self.ids.get_mut(usize::from(self.count)) {
            Some(free) => {
                *free = id;
                self.count += 1;
            }
            None => {
                self.ids.rotate_left(1);
                if let Some(last) = self.ids.last_mut() {
                    *last = id;
                }
            }
        }
    }

    /// The same marks, of which the newest was made at this point.
    pub(crate) const fn dated(self, newest: Timestamp) -> Self {
        Self { newest, ..self }
    }
}

impl PartialEq for Marks {
    fn eq(&self, other: &Self) -> bool {
        (self.ids(), self.newest()) == (other.ids(), other.newest())
    }
}

impl Eq for Marks {}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn id(number: u8) -> CommitId {
        CommitId::from_random([0, 0, 0, 0, 0, number])
    }

    #[test]
    fn the_last_eight_are_kept_oldest_first() {
        let mut marks = Marks::NONE;
        for number in 0..20 {
            marks.push(id(number), NOW);
            let first = number.saturating_sub(7);
            assert_eq!(marks.ids(), (first..=number).map(id).collect::<Vec<_>>(), "after {number}");
        }
    }

    #[test]
    fn a_busy_process_leaves_the_marks_of_others() {
        let of = |process: u8, number: u8| CommitId::from_random([0, process, 0, 0, 0, number]);
        // Each row: how many marks the others have, and how many of them are left after twenty of
        // one process.
        for (others, left) in [(1, 1), (4, 4), (7, 7), (8, 7)] {
            let mut marks = Marks::NONE;
            for process in 1..=others {
                marks.push(of(process, 0), NOW);
            }
            for number in 0..20 {
                marks.push(of(0, number), NOW);
            }
            let kept = marks.ids().iter().filter(|id| id.process() != [0, 0]).count();
            assert_eq!(kept, left, "of {others}");
            assert_eq!(marks.ids().last(), Some(&of(0, 19)), "the newest is there");
            assert_eq!(marks.ids().len(), KEPT);
        }
        let [one, other] = [[1; 6], [2; 6]].map(CommitId::of_this_process);
        assert_eq!(one.process(), other.process());
        assert_ne!(one, other);
    }

    #[test]
    fn marks_older_than_any_retry_are_forgotten() {
        let last = LONGEST_RETRY + CLOCK_SKEW;
        let millisecond = Duration::from_millis(1);
        // The time of each push, and how many marks there are afterwards.
        for (row, pushes) in [
            ("at once", &[(NOW, 1), (NOW, 2)][..]),
            ("just in time", &[(NOW, 1), (NOW + last, 2), (NOW + last + last, 3)]),
            ("a millisecond later", &[(NOW, 1), (NOW + last + millisecond, 1)]),
            ("a clock that is behind", &[(NOW, 1), (Timestamp::from_unix_secs(0), 2), (NOW + last, 3)]),
        ] {
            let mut marks = Marks::NONE;
            for (number, (now, expected)) in (0..).zip(pushes) {
                marks.push(id(number), *now);
                assert_eq!(marks.ids().len(), *expected, "{row}: push {number}");
            }
        }
    }

    #[test]
    fn an_id_is_a_number_below_two_to_the_48() {
        for number in [0, 1, 1 << 47, (1 << 48) - 1] {
            assert_eq!(CommitId::from_number(number).map(CommitId::number), Some(number));
        }
        for number in [1 << 48, u64::MAX] {
            assert_eq!(CommitId::from_number(number), None);
        }
        assert_eq!(format!("{:?}", id(255)), "CommitId(0000000000ff)");
    }
}
