//! Progress on stderr: a bar on a terminal, and otherwise a line at intervals.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use cloakroom::{Clock as _, SystemClock, Timestamp};

use crate::table::grouped;
use crate::time::span;

const WIDTH: u64 = 30;

/// The intervals of the bar and of the lines.
const DRAWN: Duration = Duration::from_millis(100);
const WRITTEN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    total: Option<u64>,
    began: Timestamp,
    shown: Timestamp,
    done: u64,
}

impl Progress {
    /// Returns true if stderr is a terminal, which can show a bar.
    pub(super) fn is_shown() -> bool {
        std::io::stderr().is_terminal()
    }

    pub(super) fn new(what: &'static str, total: Option<u64>) -> Self {
        let now = SystemClock.now();
        Self { what, total, began: now, shown: now, done: 0 }
    }

    pub(super) fn at(&mut self, done: u64) {
        self.done = done;
        let now = SystemClock.now();
        let pause = if Self::is_shown() { DRAWN } else { WRITTEN };
        if now.since(self.shown) >= pause {
            self.shown = now;
            self.show(now);
        }
    }

    pub(super) fn end(&mut self) {
        if Self::is_shown() {
            self.show(SystemClock.now());
            eprintln!();
        }
    }

    fn show(&self, now: Timestamp) {
        let line = line(self.what, self.done, self.total, now.since(self.began));
        // A closed stderr is no error.
        let _ = if Self::is_shown() {
            write!(std::io::stderr(), "\r{line}\u{1b}[K")
        } else {
            writeln!(std::io::stderr(), "{line}")
        };
    }
}

fn line(what: &str, done: u64, total: Option<u64>, took: Duration) -> String {
    let rate = u128::from(done) * 1000 / took.as_millis().max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    let speed = format!("{}/s", grouped(rate));
    // The source may have grown since the count.
    let Some(total) = total.map(|total| total.max(done)).filter(|total| *total > 0) else {
        return format!("{what} {} {speed}", grouped(done));
    };
    let full = done * WIDTH / total;
    let bar: String = (0..WIDTH).map(|place| if place < full { '█' } else { '░' }).collect();
    let left = (total - done).checked_div(rate).map(|seconds| span(Duration::from_secs(seconds)));
    let left = left.map(|left| format!(", {left} left")).unwrap_or_default();
    format!("{what} {bar} {} of {} {speed}{left}", grouped(done), grouped(total))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::line;

    #[test]
    fn lines() {
        let bar = |full: usize| "█".repeat(full) + &"░".repeat(30 - full);
        let second = Duration::from_secs(1);
        for (row, done, total, took, expected) in [
            ("unknown total", 1500, None, second, "copying 1,500 1,500/s".to_owned()),
            ("half", 500, Some(1000), second, format!("copying {} 500 of 1,000 500/s, 1 s left", bar(15))),
            ("done", 1000, Some(1000), second, format!("copying {} 1,000 of 1,000 1,000/s, 0 s left", bar(30))),
            (
                "more than were counted",
                1001,
                Some(1000),
                second,
                format!("copying {} 1,001 of 1,001 1,001/s, 0 s left", bar(30)),
            ),
            ("nothing yet", 0, Some(10), Duration::ZERO, format!("copying {} 0 of 10 0/s", bar(0))),
            ("nothing at all", 0, Some(0), second, "copying 0 0/s".to_owned()),
        ] {
            assert_eq!(line("copying", done, total, took), expected, "{row}");
        }
    }
}
