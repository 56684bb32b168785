//! Paging through many sessions, in steps of bounded size.
//!
//! To end all sessions, the walk goes in order of creation. A session that moves keeps its creation
//! time under any key, so it can't move behind the walk. If some sessions moved during a step, the
//! step finds more than it ended and is repeated.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::sync::Arc;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Cursor, OwnedPage, OwnedSession, StoreError};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use cloakroom_store::store::{Ended, EndedPage};

#[cfg(any(feature = "sqlite", feature = "mysql"))]
use crate::query::Cells;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::query::Failure;
use crate::query::Value;

/// The most sessions that one step of ending all sessions ends. A step takes a few hundredths of a
/// second.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) const STEP: usize = 2_000;

/// The largest step that the server's statement timeout allows, learned by trying.
///
/// A step that times out is repeated with a quarter of the rows. A successful step doubles the
/// size of the next one. Clones share the value.
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
    /// Runs a step of at most `most` rows, and fewer if the server's timeout requires it.
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

/// The pause between steps for SQLite, where writers lock the whole file.
#[cfg(feature = "sqlite")]
pub(crate) const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Returns the position after which a page of an owner's sessions begins: creation time and key of
/// the last session.
pub(crate) fn behind(after: Option<&Cursor>) -> Result<[Value; 2], StoreError> {
    Ok(match after {
        None => [Value::Number(Some(0)), Value::from("")],
        Some(after) => {
            let (created, key) = OwnedPage::read_place(after)?;
            [created.into(), (&key).into()]
        }
    })
}

/// Builds a page of the sessions found. If there are more than `limit`, the last one belongs to the
/// next page.
pub(crate) fn page(mut found: Vec<OwnedSession>, limit: usize) -> OwnedPage {
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let place = |last: &OwnedSession| OwnedPage::place_of(last.entry.created, &last.key);
    let next = if is_last { None } else { found.last().map(place) };
    OwnedPage::new(found, next)
}

/// Returns the key to keep, or a value that no session's key has.
pub(crate) fn but(keep: Option<&StoreKey>) -> Value {
    keep.map_or_else(|| Value::from(""), Value::from)
}

/// Builds the result of a step of ending an owner's sessions.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn ended(done: u64, found: u64, limit: usize) -> Ended {
    let [done, found] = [done, found].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    Ended::new(done, found >= limit || done < found)
}

/// Returns the creation time at which a step of ending all sessions begins.
pub(crate) fn from(after: Option<&Cursor>) -> Result<Timestamp, StoreError> {
    after.map_or(Ok(Timestamp::from_unix_millis(0)), |cursor| {
        let created = cursor.as_str().parse().map_err(|_| StoreError::foreign_cursor())?;
        Ok(Timestamp::from_unix_millis(created))
    })
}

/// The result of a step of ending all sessions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    pub(crate) ended: u64,
    pub(crate) found: u64,
    /// The creation time of the last session found, in milliseconds.
    pub(crate) last: Option<i64>,
}

/// Reads the number of sessions that a step will find, and the creation time of the last one.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) fn found(cells: &dyn Cells) -> Result<Step, StoreError> {
    let found = cells.number(0).flatten().unwrap_or_default().unsigned_abs();
    Ok(Step { ended: 0, found, last: cells.number(1).flatten() })
}

/// Returns the cursor for sessions created at this time or later.
pub(crate) fn place(created: Timestamp) -> Cursor {
    Cursor::new(created.unix_millis().to_string())
}

impl Step {
    /// Returns the creation time of the last session found.
    pub(crate) fn last(self) -> Timestamp {
        Timestamp::from_unix_millis(self.last.and_then(|last| u64::try_from(last).ok()).unwrap_or_default())
    }

    /// Builds the page for the caller. `from` is where the step began, `most` its limit.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn page(self, from: Timestamp, most: usize) -> EndedPage {
        let ended = usize::try_from(self.ended).unwrap_or(usize::MAX);
        let next = if self.ended < self.found {
            // Some moved concurrently: they have the same creation time under another key.
            Some(from)
        } else {
            // A step below its limit was the last one.
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
    async fn a_step_that_times_out_is_repeated_with_fewer_rows() {
        use super::{Failure, STEP, StepSize};

        let table: [(&str, usize, usize, &[usize]); 5] = [
            ("no limit", usize::MAX, 10_000, &[STEP, STEP]),
            ("no limit, and fewer are wanted", usize::MAX, 300, &[300, 300]),
            ("a limit", 500, 10_000, &[STEP, STEP / 4, STEP / 2, STEP / 8]),
            ("a limit of two rows", 2, 100, &[100, 25, 6, 1, 2]),
            ("a limit that no step meets", 0, 8, &[8, 2, 1, 1]),
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
    fn a_walk_ends_when_no_session_is_left() {
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
