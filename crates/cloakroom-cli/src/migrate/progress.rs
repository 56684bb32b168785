//! How far it is, on stderr: a bar that fills on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use cloakroom::{Clock as _, SystemClock, Timestamp};

use crate::moment::span;
use crate::table::grouped;

const WIDTH: u64 = 30;

/// How often a bar is drawn, and how often a line is written.
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
    /// Whether a bar is of use to somebody.
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
        // Whoever closed stderr doesn't want to know.
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
    // The source may have grown since it was counted.
    let Some(total) = total.map(|total| total.max(done)).filter(|total| *total > 0) else {
        return format!("{what} {} {speed}", grouped(done));
    };
    let full = done * WIDTH / total;
    let bar: String = (0..WIDTH).map(|place| if place < full { '█' } else { '░' }).collect();
    let left = (total - done).checked_div(rate).map(|left| format!(", {} left", span(Duration::from_secs(left))));
    format!("{what} {bar} {} of {} {speed}{}", grouped(done), grouped(total), left.unwrap_or_default())
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
