//! Walks through many sessions, in steps of a bounded size.
//!
//! Everybody's sessions are ended in the order in which they were created: a session that moves
//! keeps its place there, under whatever key, and so can't get behind the walk. A step that found
//! more than it has ended, because some moved in that moment, is done again.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::sync::Arc;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::{Cursor, Owned, OwnedPage, StoreError};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use cloakroom_store::{Ended, EndedPage};

#[cfg(any(feature = "sqlite", feature = "mysql"))]
use crate::link::Cells;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::link::Failure;
use crate::link::Value;

/// How many sessions a step of ending everybody's sessions ends at most: it takes some hundredths
/// of a second.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) const STEP: usize = 2_000;

/// The number of rows that a step takes at most, learned from the server's limit on statements.
///
/// A step that runs into the limit is repeated with a quarter of the rows. A step that succeeds
/// doubles the number for the next one. Clones share what they learned.
#[cfg(any(feature = "postgres", feature = "mysql"))]
#[derive(Clone, Debug)]
pub(crate) struct StepSize(Arc<AtomicUsize>);

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl Default for StepSize {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(STEP)))
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl StepSize {
    /// Runs a step of at most `most` rows, and of as few as the server has the time for.
    pub(crate) async fn run<T, F>(&self, most: usize, mut step: impl FnMut(usize) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        loop {
            let rows = self.0.load(Ordering::Relaxed).clamp(1, most.max(1));
            match step(rows).await {
                Err(Failure::TooSlow(_)) if rows > 1 => self.0.store((rows / 4).max(1), Ordering::Relaxed),
                answer => {
                    if answer.is_ok() {
                        let _ = self.0.fetch_max(rows.saturating_mul(2).min(STEP), Ordering::Relaxed);
                    }
                    return answer;
                }
            }
        }
    }
}

/// The same where all other writers wait until a step has ended.
#[cfg(feature = "sqlite")]
pub(crate) const STEP_OF_A_FILE: usize = 500;

/// How long a step waits that others are to follow, where writers wait for a whole file.
#[cfg(feature = "sqlite")]
pub(crate) const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// The place behind which a page of an owner's sessions begins: when the last one was created, and
/// its key.
pub(crate) fn behind(after: Option<&Cursor>) -> Result<[Value; 2], StoreError> {
    Ok(match after {
        None => [Value::Number(Some(0)), Value::from("")],
        Some(after) => {
            let (created, key) = OwnedPage::read_place(after)?;
            [created.into(), (&key).into()]
        }
    })
}

/// A page of the sessions that were found, of which the last one is of the next page if there are
/// more than `limit`.
pub(crate) fn page(mut found: Vec<Owned>, limit: usize) -> OwnedPage {
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let place = |last: &Owned| OwnedPage::place_of(last.entry.created, &last.key);
    let next = if is_last { None } else { found.last().map(place) };
    OwnedPage::new(found, next)
}

/// The key that is kept, or one that no session has.
pub(crate) fn but(keep: Option<&StoreKey>) -> Value {
    keep.map_or_else(|| Value::from(""), Value::from)
}

/// What a step of ending an owner's sessions has ended, of how many that it found.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn ended(done: u64, found: u64, limit: usize) -> Ended {
    let [done, found] = [done, found].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    Ended::new(done, found >= limit || done < found)
}

/// Where a step of ending everybody's sessions begins.
pub(crate) fn from(after: Option<&Cursor>) -> Result<Timestamp, StoreError> {
    after.map_or(Ok(Timestamp::from_unix_millis(0)), |cursor| {
        let created = cursor.as_str().parse().map_err(|_| StoreError::foreign_cursor())?;
        Ok(Timestamp::from_unix_millis(created))
    })
}

/// What a step of ending everybody's sessions did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    pub(crate) ended: u64,
    pub(crate) found: u64,
    /// When the last of those that were found was created, in milliseconds.
    pub(crate) last: Option<i64>,
}

/// What a step will find: how many, and when the last of them was created.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) fn found(cells: &dyn Cells) -> Result<Step, StoreError> {
    let found = cells.number(0).flatten().unwrap_or_default().unsigned_abs();
    Ok(Step { ended: 0, found, last: cells.number(1).flatten() })
}

/// The place behind what was created before this point.
pub(crate) fn place(created: Timestamp) -> Cursor {
    Cursor::new(created.unix_millis().to_string())
}

impl Step {
    /// When the last of those that were found was created.
    pub(crate) fn last(self) -> Timestamp {
        Timestamp::from_unix_millis(self.last.and_then(|last| u64::try_from(last).ok()).unwrap_or_default())
    }

    /// The same for the caller; `from` is where the step began, and `most` how many it looked for.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn page(self, from: Timestamp, most: usize) -> EndedPage {
        let ended = usize::try_from(self.ended).unwrap_or(usize::MAX);
        let next = if self.ended < self.found {
            // Some moved in this moment: they have the same place under another key.
            Some(from)
        } else {
            // Fewer than a step are all that there were.
            (ended >= most).then(|| self.last())
        };
        EndedPage::new(ended, next.map(place))
    }
}

#[cfg(all(test, any(feature = "sqlite", feature = "postgres")))]
mod tests {
    use super::{Cursor, Step, Timestamp, from};

    #[cfg(any(feature = "postgres", feature = "mysql"))]
    #[tokio::test]
    async fn a_step_takes_as_few_rows_as_the_server_has_the_time_for() {
        use super::{Failure, STEP, StepSize};

        let table: [(&str, usize, usize, &[usize]); 5] = [
            ("no limit", usize::MAX, 10_000, &[STEP, STEP]),
            ("no limit, and fewer are wanted", usize::MAX, 300, &[300, 300]),
            ("a limit", 500, 10_000, &[STEP, STEP / 4, STEP / 2, STEP / 8]),
            ("a limit that is hardly met", 2, 100, &[100, 25, 6, 1, 2]),
            ("a limit that nothing meets", 0, 8, &[8, 2, 1, 1]),
        ];
        for (row, limit, most, expected) in table {
            let (steps, mut tried) = (StepSize::default(), Vec::new());
            for _ in 0..2 {
                let step = |rows: usize| {
                    tried.push(rows);
                    let too_slow = || Failure::TooSlow(super::StoreError::unavailable("57014"));
                    std::future::ready(if rows > limit { Err(too_slow()) } else { Ok(rows) })
                };
                assert_eq!(steps.run(most, step).await.is_ok(), limit > 0, "{row}");
            }
            assert_eq!(tried, expected, "{row}");
        }
    }

    #[test]
    fn a_walk_goes_on_until_nothing_is_left() {
        let most = 10;
        let table = [
            ("nothing was there", 0, 0, None, None),
            ("fewer than a step", 3, 3, Some(900), None),
            ("one moved", 2, 3, Some(900), Some("700")),
            ("a whole step", most, most, Some(900), Some("900")),
            ("a whole step, of which one moved", most - 1, most, Some(900), Some("700")),
        ];
        for (row, ended, found, last, expected) in table {
            let page = Step { ended, found, last }.page(Timestamp::from_unix_millis(700), 10);
            assert_eq!(page.next.as_ref().map(Cursor::as_str), expected, "{row}");
            assert_eq!(page.count as u64, ended, "{row}");
        }
        assert_eq!(from(Some(&Cursor::new("900"))).unwrap(), Timestamp::from_unix_millis(900));
        for foreign in ["", "-1", "x", "18446744073709551616"] {
            from(Some(&Cursor::new(foreign))).unwrap_err();
        }
    }
}
