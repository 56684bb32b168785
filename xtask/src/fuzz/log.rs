//! Parses the output of a libFuzzer run.

use crate::outcome::Outcome;

/// The number of trailing lines shown for a failed run.
const SHOWN_LINES: usize = 40;

/// The output of one run, and whether it exited successfully.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) text: String,
    pub(super) success: bool,
}

impl Log {
    /// Returns the number of inputs tried, or the reason why the run counts as failed.
    pub(super) fn verdict(&self) -> Outcome<u64> {
        if !self.success {
            let reproducer = self.after("Test unit written to ").unwrap_or("none was written");
            return Err(format!("{}  reproducer: {reproducer}\n", self.tail()));
        }
        // Without coverage a fuzzer finds nothing, and passes.
        if !self.text.contains("inline 8-bit counters") {
            return Err(format!("{}  the target is not instrumented for coverage\n", self.tail()));
        }
        let executions = self.after("stat::number_of_executed_units:").and_then(|number| number.parse().ok());
        executions.filter(|number| *number > 0).ok_or_else(|| format!("{}  nothing was executed\n", self.tail()))
    }

    /// Returns the rest of the last line that contains these words.
    fn after(&self, words: &str) -> Option<&str> {
        self.text.lines().rev().find_map(|line| Some(line.split_once(words)?.1.trim()))
    }

    fn tail(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        let first = lines.len().saturating_sub(SHOWN_LINES);
        lines.iter().skip(first).map(|line| format!("  | {line}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Log;

    const LOADED: &str = "INFO: Loaded 1 modules   (5 inline 8-bit counters): 5 [0x1, 0x6),\n";

    #[test]
    fn verdicts() {
        let table = [
            ("ran", true, format!("{LOADED}stat::number_of_executed_units: 1234567\n"), Ok(1_234_567)),
            ("blind", true, "stat::number_of_executed_units: 9\n".to_owned(), Err("not instrumented")),
            ("idle", true, format!("{LOADED}stat::number_of_executed_units: 0\n"), Err("nothing was executed")),
            ("no statistics", true, LOADED.to_owned(), Err("nothing was executed")),
            (
                "crashed",
                false,
                format!("{LOADED}artifact_prefix='/t/'; Test unit written to /t/crash-0beec7\nBase64: Zm9v\n"),
                Err("reproducer: /t/crash-0beec7\n"),
            ),
            ("would not start", false, "error while loading shared libraries\n".to_owned(), Err("shared libraries")),
        ];
        for (row, success, text, expected) in table {
            match (Log { text, success }.verdict(), expected) {
                (Ok(executions), expected) => assert_eq!(Ok(executions), expected, "{row}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{row}: {why}"),
                (Err(why), Ok(_)) => panic!("{row}: {why}"),
            }
        }
    }

    #[test]
    fn only_the_end_of_a_long_log_is_shown() {
        let text: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let shown = Log { text, success: false }.tail();
        assert!(shown.starts_with("  | line 60\n") && shown.ends_with("  | line 99\n"), "{shown}");
    }
}
