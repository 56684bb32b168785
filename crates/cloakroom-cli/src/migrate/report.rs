//! The report of a run.

use serde_json::{Value, json};

use super::step::Step;
use super::verify::Verified;
use crate::table::grouped;

#[derive(Debug, Default)]
pub(super) struct Report {
    /// Live sessions at the source.
    pub(super) sessions: u64,
    pub(super) copied: u64,
    pub(super) updated: u64,
    pub(super) touched: u64,
    pub(super) same: u64,
    /// Left unchanged: the application has written them at the target.
    pub(super) theirs: u64,
    /// Left unchanged: they were copied, and have ended at the target or were lost there.
    pub(super) gone: u64,
    /// Ended at the target, because they had ended at the source.
    pub(super) ended: u64,
    /// Ended at the source, but too many to end at the target without confirmation.
    pub(super) not_ended: u64,
    pub(super) damaged: u64,
    /// Encrypted at the source, and not copied, because they don't open.
    pub(super) locked: u64,
    /// Encrypted at the source, and handled as they are kept, because no keyring was given.
    pub(super) as_kept: u64,
    /// Entries of aliases, which are copied like sessions.
    pub(super) aliases: u64,
    pub(super) verified: Option<Verified>,
}

impl Report {
    pub(super) fn count(&mut self, step: Step) {
        match step {
            Step::Create => self.copied += 1,
            Step::Replace(_) => self.updated += 1,
            Step::Touch(_) => self.touched += 1,
            Step::Look | Step::Leave(_) => {}
        }
    }

    /// Returns true if the operator should look at the result.
    pub(super) fn is_to_be_looked_at(&self) -> bool {
        self.damaged + self.locked + self.not_ended + self.gone + self.verified.map_or(0, |verified| verified.gone) > 0
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![(self.sessions, "live at the source"), (self.copied, "copied")];
        let optional = [
            (self.updated, "updated: they were written at the source since"),
            (self.touched, "updated: they were used at the source since"),
            (self.same, "were already at the target"),
            (self.theirs, "left alone: the application has written them at the target"),
            (self.ended, "ended at the target: they have ended at the source"),
            (self.gone, "left alone: they were copied, and have ended at the target or were lost there"),
            (self.damaged, "are damaged at the source, and weren't copied"),
            (self.locked, "are encrypted at the source, don't open, and weren't copied"),
            (self.aliases, "of them are aliases of sessions"),
            (self.as_kept, "of them are encrypted, and are copied as they are: the target needs the same keyring"),
        ];
        lines.extend(optional.into_iter().filter(|(count, _)| *count > 0));
        let many =
            "at the target have ended at the source: too many to end without --end-many. Was the source emptied?";
        lines.extend((self.not_ended > 0).then_some((self.not_ended, many)));
        let mut text: String = lines.iter().map(|(count, what)| format!("{:>11}  {what}\n", grouped(*count))).collect();
        if let Some(verified) = &self.verified {
            text.push_str(&text_of(verified));
        }
        text
    }

    pub(super) fn document(&self) -> Value {
        let verified = self.verified.map(|it| {
            let [source, target] = it.checksums.map(|sum| format!("{sum:016x}"));
            json!({
                "same": it.same, "written_at_target": it.theirs, "behind": it.behind, "gone_at_target": it.gone,
                "checksum_source": source, "checksum_target": target,
            })
        });
        json!({
            "sessions": self.sessions, "copied": self.copied, "updated": self.updated, "touched": self.touched, "same": self.same,
            "written_at_target": self.theirs, "gone_at_target": self.gone, "ended": self.ended, "not_ended": self.not_ended,
            "damaged": self.damaged, "locked": self.locked, "encrypted": self.as_kept, "aliases": self.aliases, "verified": verified,
        })
    }
}

/// Describes the result of the comparison.
fn text_of(verified: &Verified) -> String {
    let [source, target] = verified.checksums;
    let sums = if source == target {
        format!("checksum {source:016x} on both sides")
    } else {
        format!("checksums {source:016x} at the source, {target:016x} at the target")
    };
    let mut text = format!("verified: {} are the same; {sums}\n", grouped(verified.same));
    let optional = [
        (verified.theirs, "differ because the application has written them at the target"),
        (verified.behind, "were used or created at the source in the meantime: run it again"),
        (
            verified.gone,
            "were copied but are missing: ended at the target, or lost. Does it evict? Run `cloakroom doctor`",
        ),
    ];
    for (count, what) in optional.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("{:>11}  {what}\n", grouped(count)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Report, Verified};

    #[test]
    fn counts_of_zero_are_left_out() {
        let checksums = [7, 7];
        let verified = Some(Verified { same: 1200, checksums, ..Verified::default() });
        let report = Report { sessions: 1200, copied: 1200, verified, ..Report::default() };
        let expected = "      1,200  live at the source\n      1,200  copied\n\
            verified: 1,200 are the same; checksum 0000000000000007 on both sides\n";
        assert_eq!(report.text(), expected);
        assert!(!report.is_to_be_looked_at());
        assert_eq!(report.document()["verified"]["checksum_target"], "0000000000000007");
    }

    #[test]
    fn results_that_need_attention() {
        let gone = Some(Verified { gone: 1, ..Verified::default() });
        let behind = Some(Verified { behind: 1, ..Verified::default() });
        for (row, report, expected) in [
            ("damaged", Report { damaged: 1, ..Report::default() }, true),
            ("locked", Report { locked: 1, ..Report::default() }, true),
            ("copied as they are kept", Report { as_kept: 1, ..Report::default() }, false),
            ("many have ended", Report { not_ended: 1, ..Report::default() }, true),
            ("lost", Report { verified: gone, ..Report::default() }, true),
            ("behind", Report { verified: behind, ..Report::default() }, false),
            ("the application's", Report { theirs: 1, ended: 1, ..Report::default() }, false),
        ] {
            assert_eq!(report.is_to_be_looked_at(), expected, "{row}");
        }
    }
}
