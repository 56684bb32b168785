//! The decision on the next step for a session of the source; a pure function of the known facts.

use cloakroom::Timestamp;
use cloakroom::store::{Entry, Loaded, ScannedSession, StoreKey, Version};
use sha2::{Digest as _, Sha256};

/// A version that the migration wrote at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) version: u64,
    /// Fingerprint of the parts that only a write changes, not a touch.
    pub(super) print: u64,
    pub(super) touched: Timestamp,
    pub(super) deadline: Option<Timestamp>,
}

impl Mark {
    pub(super) fn of(version: u64, entry: &Entry) -> Self {
        Self { version, print: print(entry), touched: entry.touched, deadline: entry.deadline }
    }

    /// Creates the mark of an entry that the application wrote to the target before the migration
    /// copied it. Its version is 0, so it is never mistaken for a copy and never restored after it
    /// has ended.
    pub(super) fn theirs(entry: &Entry) -> Self {
        Self::of(0, entry)
    }

    const fn is_theirs(&self) -> bool {
        self.version == 0
    }

    fn is(&self, version: u64, entry: &Entry) -> bool {
        self.version == version && self.print == print(entry)
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }
}

/// Returns a fingerprint of text, owner and creation time.
fn print(entry: &Entry) -> u64 {
    let mut hash = Sha256::new();
    hash.update(entry.created.unix_millis().to_le_bytes());
    hash.update(entry.owner.as_ref().map_or(0, |owner| owner.len() as u64 + 1).to_le_bytes());
    hash.update(entry.owner.as_deref().unwrap_or_default());
    hash.update(entry.text().as_bytes());
    hash.finalize().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Returns a fingerprint of everything under a key.
pub(super) fn whole_print(key: &StoreKey, entry: &Entry) -> u64 {
    let mut hash = Sha256::new();
    hash.update(key.as_bytes());
    hash.update(print(entry).to_le_bytes());
    hash.update(entry.touched.unix_millis().to_le_bytes());
    hash.update(entry.deadline.map_or(u64::MAX, Timestamp::unix_millis).to_le_bytes());
    hash.finalize().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The journal's data about a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The last acknowledged write.
    pub(super) settled: Option<Mark>,
    /// A write that was about to be made when a run was killed, with unknown outcome.
    pub(super) intent: Option<Mark>,
}

impl Known {
    /// Returns true if the entry at the target was written by a migration. Keys are random and are
    /// never adopted from clients, so a first version at the target under a key of the source was
    /// copied and never written since.
    pub(super) fn is_ours(&self, version: u64, entry: &Entry) -> bool {
        let marks = [self.settled, self.intent];
        Version::new(version).is_first() || marks.iter().flatten().any(|mark| mark.is(version, entry))
    }
}

/// The next step for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    /// Replaces this version, which the migration wrote.
    Replace(u64),
    Touch(u64),
    /// The target's entry must be loaded first.
    Look,
    Leave(Left),
}

/// The reason why no step is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// The target has the same entry.
    Same(Mark),
    /// The application has written it at the target, or moved it to another key.
    Theirs,
    /// It has ended at the target, or the target has lost it.
    Gone,
}

impl Step {
    /// Returns the step that follows from the journal alone.
    pub(super) fn first(known: &Known, entry: &Entry) -> Self {
        match known {
            Known { intent: Some(_), .. } => Self::Look,
            Known { settled: None, .. } => Self::Create,
            Known { settled: Some(mark), .. } if mark.is_theirs() => Self::Look,
            Known { settled: Some(mark), .. } if mark.is(mark.version, entry) => {
                if (mark.touched, mark.deadline) == (entry.touched, entry.deadline) {
                    Self::Leave(Left::Same(*mark))
                } else {
                    Self::Touch(mark.version)
                }
            }
            Known { settled: Some(mark), .. } => Self::Replace(mark.version),
        }
    }

    /// Returns the step that follows from the target's entry.
    pub(super) fn after_look(known: &Known, entry: &Entry, there: &Loaded, now: Timestamp) -> Self {
        match there {
            Loaded::Live(version, there) if known.is_ours(version.number(), there) => {
                let version = version.number();
                if print(there) != print(entry) {
                    Self::Replace(version)
                } else if there.touched < entry.touched {
                    Self::Touch(version)
                } else {
                    Self::Leave(Left::Same(Mark::of(version, there)))
                }
            }
            Loaded::Live(..) | Loaded::Moved => Self::Leave(Left::Theirs),
            // It ended at the target before its deadline: the user signed out.
            Loaded::Absent if known.settled.is_some_and(|mark| !mark.is_expired(now)) => Self::Leave(Left::Gone),
            Loaded::Absent => Self::Create,
        }
    }

    /// Returns the entry that the step will leave at the target.
    pub(super) fn intent(self, entry: &Entry) -> Option<Mark> {
        match self {
            Self::Create => Some(Mark::of(entry.next_version(None).number(), entry)),
            Self::Replace(version) => Some(Mark::of(entry.next_version(Some(&Version::new(version))).number(), entry)),
            Self::Touch(version) => Some(Mark::of(version, entry)),
            Self::Look | Self::Leave(_) => None,
        }
    }
}

/// A session and its next step.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) scanned: ScannedSession,
    pub(super) step: Step,
}

/// Returns true if a copied session is to end at the target because the source no longer has it.
pub(super) fn is_to_end(known: &Known, here: &Loaded, there: &Loaded, now: Timestamp) -> bool {
    let Loaded::Live(version, entry) = there else { return false };
    match here {
        Loaded::Live(..) => false,
        // It may have expired at the source while it is still in use at the target.
        Loaded::Absent if known.settled.is_none_or(|mark| mark.is_expired(now)) => false,
        Loaded::Absent | Loaded::Moved => known.is_ours(version.number(), entry),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloakroom::Timestamp;
    use cloakroom::store::{Entry, Loaded, Version};

    use super::{Known, Left, Mark, Step, is_to_end};

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn entry(text: &str, touched: u64) -> Entry {
        let touched = NOW + Duration::from_secs(touched);
        Entry::new(text.into(), NOW, touched, Some(touched + Duration::from_secs(1200)))
    }

    fn settled(version: u64, entry: &Entry) -> Known {
        Known { settled: Some(Mark::of(version, entry)), intent: None }
    }

    fn there(version: u64, entry: &Entry) -> Loaded {
        Loaded::Live(Version::new(version), entry.clone())
    }

    #[test]
    fn without_a_look() {
        let (old, touched, new) = (entry("a", 0), entry("a", 60), entry("b", 60));
        let uncertain = Known { settled: None, intent: Some(Mark::of(1, &old)) };
        for (row, known, entry, expected) in [
            ("never met", Known::default(), &old, Step::Create),
            ("a run was killed", uncertain, &old, Step::Look),
            ("copied", settled(1, &old), &old, Step::Leave(Left::Same(Mark::of(1, &old)))),
            ("copied, and touched since", settled(1, &old), &touched, Step::Touch(1)),
            ("copied, and written since", settled(1, &old), &new, Step::Replace(1)),
            ("brought up to date, and written since", settled(2, &old), &new, Step::Replace(2)),
            ("the application was first", Known { settled: Some(Mark::theirs(&old)), intent: None }, &old, Step::Look),
        ] {
            assert_eq!(Step::first(&known, entry), expected, "{row}");
        }
    }

    #[test]
    fn after_a_look() {
        let (old, new, theirs) = (entry("a", 0), entry("b", 60), entry("c", 90));
        let later = NOW + Duration::from_secs(3600);
        let never = Known::default();
        let killed = Known { settled: Some(Mark::of(1, &old)), intent: Some(Mark::of(2, &new)) };
        for (row, known, found, now, expected) in [
            ("copied by a run without this journal", never, there(1, &old), NOW, Step::Replace(1)),
            ("the same already", never, there(1, &new), NOW, Step::Leave(Left::Same(Mark::of(1, &new)))),
            ("written there by the application", never, there(2, &theirs), NOW, Step::Leave(Left::Theirs)),
            (
                "written there, after we had brought it up to date",
                settled(2, &old),
                there(3, &theirs),
                NOW,
                Step::Leave(Left::Theirs),
            ),
            ("the same version, and not our text", settled(2, &old), there(2, &theirs), NOW, Step::Leave(Left::Theirs)),
            (
                "the write that was killed was done",
                killed,
                there(2, &new),
                NOW,
                Step::Leave(Left::Same(Mark::of(2, &new))),
            ),
            ("the write that was killed wasn't", killed, there(1, &old), NOW, Step::Replace(1)),
            ("moved there", settled(1, &old), Loaded::Moved, NOW, Step::Leave(Left::Theirs)),
            ("ended there", settled(1, &old), Loaded::Absent, NOW, Step::Leave(Left::Gone)),
            ("theirs, and ended there", settled(0, &old), Loaded::Absent, NOW, Step::Leave(Left::Gone)),
            ("over there, and used here since", settled(1, &old), Loaded::Absent, later, Step::Create),
            ("never there", never, Loaded::Absent, NOW, Step::Create),
        ] {
            assert_eq!(Step::after_look(&known, &new, &found, now), expected, "{row}");
        }
    }

    /// The version recorded before a write is the version that the store assigns.
    #[test]
    fn the_recorded_version_is_the_one_assigned() {
        let (old, new) = (entry("a", 0), entry("b", 60));
        let first = old.next_version(None);
        assert_eq!(Step::Create.intent(&old), Some(Mark::of(first.number(), &old)));
        let second = new.next_version(Some(&first));
        assert_eq!(Step::Replace(first.number()).intent(&new), Some(Mark::of(second.number(), &new)));
        assert_eq!(Step::Touch(first.number()).intent(&old), Some(Mark::of(first.number(), &old)));
        // It was copied and the journal was lost: a first version is ours, with or without a tag;
        // any other version isn't.
        let never = Known::default();
        for (version, is_ours) in [(1, true), (2, false), (first.number(), true), (second.number(), false)] {
            assert_eq!(never.is_ours(version, &old), is_ours, "{version}");
        }
    }

    #[test]
    fn sessions_ended_at_the_source_end_at_the_target_unless_used_there() {
        let (old, theirs) = (entry("a", 0), entry("c", 90));
        let later = NOW + Duration::from_secs(3600);
        for (row, here, found, now, expected) in [
            ("ended", Loaded::Absent, there(1, &old), NOW, true),
            ("moved", Loaded::Moved, there(1, &old), NOW, true),
            ("not ended", there(1, &old), there(1, &old), NOW, false),
            ("written there", Loaded::Absent, there(2, &theirs), NOW, false),
            ("moved there", Loaded::Absent, Loaded::Moved, NOW, false),
            ("ended there too", Loaded::Absent, Loaded::Absent, NOW, false),
            ("perhaps over by itself", Loaded::Absent, there(1, &old), later, false),
        ] {
            assert_eq!(is_to_end(&settled(1, &old), &here, &found, now), expected, "{row}");
        }
    }
}
