//! Counts of passed and failed checks, and a parser for the summaries of `cargo test`.

use std::fmt;
use std::ops::AddAssign;

/// The number of checks that passed and failed. Displayed as the last line of `cargo xtask test`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Counts one check.
    pub(crate) fn count<T>(&mut self, outcome: &crate::outcome::Outcome<T>) {
        match outcome {
            Ok(_) => self.passed += 1,
            Err(_) => self.failed += 1,
        }
    }

    pub(crate) fn all_passed(self) -> bool {
        self.failed == 0
    }

    /// Parses a line of a test binary's output, if it is the summary.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let summary = line.strip_prefix("test result: ")?;
        let number_of = |what: &str| {
            summary.split(['.', ';']).find_map(|part| part.trim().strip_suffix(what)?.trim_end().parse().ok())
        };
        Some(Self { passed: number_of("passed")?, failed: number_of("failed")? })
    }

    /// Adds the result of the whole `cargo test`, given its exit status.
    ///
    /// A test binary that aborts prints no summary, so only cargo's failure shows it.
    pub(crate) fn settled(mut self, success: bool) -> Self {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn counts_are_read_from_summaries_only() {
        let table = [
            (
                "all passed",
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.31s\n",
                Some(Tally { passed: 12, failed: 0 }),
            ),
            (
                "some failed",
                "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
                Some(Tally { passed: 2, failed: 1 }),
            ),
            (
                "no time, as doctests that were merged print it",
                "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
                Some(Tally { passed: 0, failed: 0 }),
            ),
            ("one test", "test tally::tests::counts ... ok", None),
            ("the head of a binary", "running 12 tests", None),
            ("a summary inside a message", "expected \"test result: ok. 1 passed; 0 failed\"", None),
            ("cut short", "test result: ok. 12 passed", None),
            ("empty", "", None),
        ];
        for (row, line, counts) in table {
            assert_eq!(Tally::of_line(line), counts, "{row}");
        }
    }

    #[test]
    fn a_failure_without_a_summary_counts_as_one() {
        let table = [
            ("all is well", Tally { passed: 3, failed: 0 }, true, Tally { passed: 3, failed: 0 }),
            ("a binary aborted", Tally { passed: 3, failed: 0 }, false, Tally { passed: 3, failed: 1 }),
            ("failures were counted", Tally { passed: 3, failed: 2 }, false, Tally { passed: 3, failed: 2 }),
        ];
        for (row, seen, success, settled) in table {
            assert_eq!(seen.settled(success), settled, "{row}");
        }
    }

    #[test]
    fn the_closing_line() {
        let mut sum = Tally { passed: 1, failed: 0 };
        sum += Tally { passed: 2, failed: 1 };
        sum.count(&Ok(()));
        assert_eq!(sum.to_string(), "4 passed, 1 failed");
    }
}
