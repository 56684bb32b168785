//! Durations in words.

use std::time::Duration;

use cloakroom::Timestamp;

/// The remaining part of a lifetime.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// In words.
    pub(crate) words: String,
    /// In percent of the whole.
    pub(crate) percent: u64,
}

impl Left {
    /// Computes the time until a deadline that was set at `set`. `None` means no deadline.
    pub(crate) fn until(deadline: Option<Timestamp>, set: Timestamp, now: Timestamp) -> Self {
        let Some(deadline) = deadline else {
            return Self { words: "no limit".to_owned(), percent: 100 };
        };
        let (left, whole) = (deadline.since(now), deadline.since(set));
        let percent = (left.as_secs() * 100).checked_div(whole.as_secs()).unwrap_or_default();
        Self { words: words(left), percent: percent.min(100) }
    }
}

pub(crate) fn ago(span: Duration) -> String {
    if span.as_secs() == 0 { "just now".to_owned() } else { format!("{} ago", words(span)) }
}

/// Formats the two largest units.
fn words(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (1, hours, _, _) => format!("1 day {hours} h"),
        (days, hours, _, _) => format!("{days} days {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_words() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (1_199, "19 min 59 s"),
            (3_600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 day 0 h"),
            (14 * 86_400 - 1, "13 days 23 h"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn remaining_time() {
        let at = Timestamp::from_unix_secs;
        let left = |words: &str, percent| Left { words: words.to_owned(), percent };
        for (row, deadline, now, expected) in [
            ("all", Some(at(1_200)), at(0), left("20 min 0 s", 100)),
            ("half", Some(at(1_200)), at(600), left("10 min 0 s", 50)),
            ("at the deadline", Some(at(1_200)), at(1_200), left("0 s", 0)),
            ("after it", Some(at(1_200)), at(2_000), left("0 s", 0)),
            ("no deadline", None, at(600), left("no limit", 100)),
            ("no time at all", Some(at(0)), at(0), left("0 s", 0)),
        ] {
            assert_eq!(Left::until(deadline, at(0), now), expected, "{row}");
        }
    }
}
