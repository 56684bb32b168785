//! The decision whether a moved session includes the changes of a request.
//!
//! A request writes its changes to the old record. Another request may begin the session on the new
//! side, from the record as it was before or after that write. The marks of commits in a record
//! don't always tell which: commits that were written as a group leave only the name of the group,
//! and a record keeps the last eight marks.
//!
//! So the claims of a move are counted in its mark, and the moved session says how many of them it
//! includes. It always begins from the record that a claim has written. The order of the old
//! record's versions then decides:
//!
//! | the request's write | is included if the session includes |
//! |---|---|
//! | was claim number *n* | at least *n* claims |
//! | came after claim number *n*, and was no claim | more than *n* claims |
//! | was in one group with claim number *n*, and was no claim | *n* claims, of which the last was in that group |
//! | found the session moved | never |

use cloakroom_session::factory::{Commit, CommitId, Record};
use cloakroom_session::{Error, Timestamp};
use sha2::{Digest as _, Sha256};

use super::mark::{ClaimNumber, Mark, Nonce};

/// The number of bits of a commit id that hold a fact. The rest identifies the move and the fact.
const BITS: u32 = 24;

/// The facts about the record from which a session begins on the new side.
///
/// Each is one of the moved record's commit ids. Its first bits identify the move instead of a
/// process, so the record keeps it although other commits follow.
#[derive(Clone, Copy)]
enum Fact {
    /// The number of claims.
    Claims,
    /// The latest mark, hashed.
    Latest,
}

impl Fact {
    /// Returns the upper bits of the ids with this fact.
    fn prefix(self, nonce: Nonce) -> u64 {
        let kind: &[u8] = match self {
            Self::Claims => b"cloakroom move claims",
            Self::Latest => b"cloakroom move latest",
        };
        number(Sha256::new().chain_update(kind).chain_update(nonce.bytes()))
    }

    fn write(self, record: &mut Record, nonce: Nonce, value: u64, now: Timestamp) {
        let value = value.min((1 << BITS) - 1);
        if let Some(id) = CommitId::from_number((self.prefix(nonce) << BITS) | value) {
            record.mark(id, now);
        }
    }

    fn read(self, record: &Record, nonce: Nonce) -> Option<u64> {
        let (ids, _) = record.commits();
        let id = ids.iter().map(|id| id.number()).find(|id| id >> BITS == self.prefix(nonce))?;
        Some(id & ((1 << BITS) - 1))
    }
}

/// Returns a hash with the number of bits of a fact.
fn number(hash: Sha256) -> u64 {
    let [a, b, c, ..]: [u8; 32] = hash.finalize().into();
    u64::from_be_bytes([0, 0, 0, 0, 0, a, b, c])
}

fn hashed(mark: CommitId) -> u64 {
    number(Sha256::new().chain_update(b"cloakroom move mark").chain_update(mark.number().to_be_bytes()))
}

/// Adds the facts about `claimed` to the record with which the session begins on the new side.
///
/// `claimed` is the old record, as a claim has written it.
pub(super) fn note_begin(record: &mut Record, claimed: &Record, nonce: Nonce, now: Timestamp) {
    if let Some(Mark::Claimed(_, claims)) = Mark::of(claimed) {
        Fact::Claims.write(record, nonce, claims.into(), now);
    }
    if let Some(mark) = claimed.last_commit() {
        Fact::Latest.write(record, nonce, hashed(mark), now);
    }
}

/// The facts about a request's write to the old record.
#[derive(Debug)]
pub(super) struct Trace {
    own: Option<CommitId>,
    /// The latest mark of the record after the write: the request's commit id, the name of its
    /// group, or the mark of a later write.
    latest: Option<CommitId>,
    /// The fewest claims that include the write.
    includes: Option<u64>,
    /// The most claims that don't include it.
    excludes: Option<u64>,
}

impl Trace {
    /// Returns the trace of a write that left this record. `claim` is set if the write was a claim.
    pub(super) fn of(commit: &Commit, record: &Record, claim: Option<&ClaimNumber>) -> Self {
        let latest = record.last_commit();
        let claims = match Mark::of(record) {
            Some(Mark::Claimed(_, claims)) => Some(u64::from(claims)),
            _ => None,
        };
        // An earlier attempt may have written an earlier version of the record, in a group.
        let is_earlier = commit.is_resumed() && !commit.has_written(record);
        let (includes, excludes) = match claim {
            Some(_) if is_earlier => (claims, Some(claims_at_opening(commit))),
            None if is_earlier => (claims.map(|claims| claims + 1), Some(claims_at_opening(commit))),
            Some(claim) => {
                // The closure of a claim doesn't run again if an earlier attempt has written it.
                let number = if commit.is_resumed() { claims } else { claim.get().map(u64::from) };
                (number, Some(number.map_or(u64::MAX, |number| number.saturating_sub(1))))
            }
            None => (claims.map(|claims| claims + 1), Some(claims.unwrap_or(u64::MAX))),
        };
        Self { own: commit.id(), latest, includes, excludes }
    }

    /// Returns whether a moved session includes the write.
    ///
    /// # Errors
    /// Returns an error if that can't be known: the request must fail, because its changes must
    /// neither be lost nor be made twice.
    pub(super) fn is_in(&self, moved: &Record, nonce: Nonce) -> Result<bool, Error> {
        if [self.own, self.latest].into_iter().flatten().any(|id| moved.has_commit(id)) {
            return Ok(true);
        }
        // The session began from the version that the write has left.
        if self.latest.is_some_and(|mark| Fact::Latest.read(moved, nonce) == Some(hashed(mark))) {
            return Ok(true);
        }
        // A node of another release may have begun it.
        let Some(included) = Fact::Claims.read(moved, nonce) else { return Ok(false) };
        if self.includes.is_some_and(|fewest| included >= fewest) {
            return Ok(true);
        }
        if self.excludes.is_some_and(|most| included <= most) {
            return Ok(false);
        }
        Err(Error::unavailable("the session moved to another store, and the change may have been written or not"))
    }
}

/// Returns the number of claims in the record that the request opened. Its write came later.
fn claims_at_opening(commit: &Commit) -> u64 {
    match Mark::of(commit.session().base()) {
        Some(Mark::Claimed(_, claims)) => claims.into(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_session::Lifetimes;
    use cloakroom_session::factory::Json;

    use super::super::mark;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn id(number: u64) -> CommitId {
        CommitId::from_number(number).unwrap()
    }

    fn nonce(byte: u8) -> Nonce {
        Nonce::of(Some(cloakroom_session::factory::SessionId::from_random([byte; 32]))).unwrap()
    }

    /// Returns the record of a session that began with this number of claims, the last of which
    /// left the mark 100.
    fn moved(claims: Option<u32>) -> Record {
        let mut claimed = Record::new(NOW, &Lifetimes::default());
        claimed.mark(id(100), NOW);
        let mut record = claimed.clone();
        if let Some(claims) = claims {
            let text = Mark::Claimed(nonce(1), claims).text();
            claimed.restore(mark::KEY, Json::encode(mark::KEY, &text).unwrap());
            note_begin(&mut record, &claimed, nonce(1), NOW);
        }
        record
    }

    #[test]
    fn the_order_of_claims_decides() {
        let claim = |number| (Some(number), Some(number - 1));
        let after = |number| (Some(number + 1), Some(number));
        let (own, group) = (id(1), id(2));
        // The claims that the moved session includes, the claims that include and exclude the
        // write, the latest mark after it, and the result; `None` if it can't be known.
        for (row, included, (includes, excludes), latest, expected) in [
            ("an earlier claim", Some(3), claim(2), group, Some(true)),
            ("the last claim", Some(3), claim(3), group, Some(true)),
            ("the next claim", Some(3), claim(4), group, Some(false)),
            ("after an earlier claim", Some(3), after(2), group, Some(true)),
            ("after the last claim", Some(3), after(3), group, Some(false)),
            ("in a group with the last claim", Some(3), after(3), id(100), Some(true)),
            ("found it moved", Some(3), (None, Some(u64::MAX)), group, Some(false)),
            ("an earlier attempt, before the opening", Some(3), (Some(6), Some(3)), group, Some(false)),
            ("an earlier attempt, in between", Some(3), (Some(6), Some(2)), group, None),
            ("an earlier attempt, included", Some(6), (Some(6), Some(2)), group, Some(true)),
            ("an earlier attempt that found it moved", Some(3), (None, Some(0)), group, None),
            ("a node of another release", None, claim(1), group, Some(false)),
            ("the same, by the mark", None, claim(1), id(100), Some(true)),
        ] {
            let trace = Trace { own: Some(own), latest: Some(latest), includes, excludes };
            let mut record = moved(included);
            assert_eq!(trace.is_in(&record, nonce(1)).ok(), expected, "{row}");
            // The facts remain when many other commits of a process have followed.
            if included.is_some() {
                for number in 1_000..1_020 {
                    record.mark(id(number), NOW);
                }
                assert!(!record.has_commit(id(100)));
                assert_eq!(trace.is_in(&record, nonce(1)).ok(), expected, "{row}, later");
            }
            record.mark(own, NOW);
            assert!(trace.is_in(&record, nonce(1)).unwrap(), "{row}, written there");
        }
    }

    #[test]
    fn facts_of_another_move_are_ignored() {
        let trace = Trace { own: None, latest: Some(id(2)), includes: Some(1), excludes: Some(0) };
        assert!(trace.is_in(&moved(Some(3)), nonce(1)).unwrap());
        assert!(!trace.is_in(&moved(Some(3)), nonce(2)).unwrap());
    }
}
