//! Paging through many sessions, in steps of bounded size.
//!
//! To end all sessions, the walk goes in order of creation. A session that moves keeps its creation
//! time under any key, so it can't move behind the walk. If some sessions moved during a step, the
//! step finds more than it ended and is repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
#[cfg(any(feature = "_sqlite", feature = "_postgres"))]
use cloakroom_store::store::EndedPage;
use cloakroom_store::store::{Cursor, Ended, OwnedPage, OwnedSession, StoreError};

#[cfg(any(feature = "_sqlite", feature = "_mysql"))]
use crate::query::Cells;
use crate::query::{Failure, Value};

/// The most sessions that one step of ending sessions ends. A step takes a few hundredths of a
/// second.
#[cfg(any(feature = "_postgres", feature = "_mysql"))]
pub(crate) const STEP: usize = 2_000;

/// The largest step that the server's statement timeout allows, learned by trying.
///
/// A step that times out is repeated with a quarter of the rows. A successful step doubles the
/// size of the next one. Clones share the value.
#[derive(Clone, Debug)]
pub(crate) struct StepSize {
    most: usize,
    now: Arc<AtomicUsize>,
}

impl StepSize {
    /// Begins with steps of this many rows; there are no larger ones.
    pub(crate) fn up_to(most: usize) -> Self {
        Self { most, now: Arc::new(AtomicUsize::new(most)) }
    }

    /// Runs a step of at most `most` rows, and fewer if the server's timeout requires it.
    pub(crate) async fn run<T, F>(&self, most: usize, mut step: impl FnMut(usize) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        loop {
            let rows = self.now.load(Ordering::Relaxed).min(most);
            match step(rows).await {
                Err(Failure::TooSlow(_)) if rows > 1 => self.now.store((rows / 4).max(1), Ordering::Relaxed),
                answer => {
                    if answer.is_ok() {
                        let _ = self.now.fetch_max(rows.saturating_mul(2).min(self.most), Ordering::Relaxed);
                    }
                    return answer;
                }
            }
        }
    }
}

/// The same where all other writers wait until a step has ended.
#[cfg(feature = "_sqlite")]
pub(crate) const STEP_OF_A_FILE: usize = 500;

/// The pause between steps for SQLite, where writers lock the whole file.
#[cfg(feature = "_sqlite")]
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
pub(crate) fn ended(done: u64, found: u64, limit: usize) -> Ended {
    let [done, found] = [done, found].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    Ended::new(done, found >= limit || done < found)
}

/// The position of a walk that ends all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The creation time at which the next step begins.
    pub(crate) from: Timestamp,
    /// No session was found since the walk was at its start.
    pub(crate) is_idle: bool,
}

impl Walk {
    pub(crate) const START: Self = Self { from: Timestamp::from_unix_millis(0), is_idle: true };

    /// The suffix in the cursor of an idle walk.
    const IDLE: &str = "i";

    pub(crate) fn read(after: Option<&Cursor>) -> Result<Self, StoreError> {
        let Some(cursor) = after else { return Ok(Self::START) };
        let created = cursor.as_str().strip_suffix(Self::IDLE);
        let (created, is_idle) = (created.unwrap_or(cursor.as_str()), created.is_some());
        let created = created.parse().map_err(|_| StoreError::foreign_cursor())?;
        Ok(Self { from: Timestamp::from_unix_millis(created), is_idle })
    }

    pub(crate) fn cursor(self) -> Cursor {
        Cursor::new(format!("{}{}", self.from.unix_millis(), if self.is_idle { Self::IDLE } else { "" }))
    }
}

/// The result of a step of ending all sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) ended: u64,
    pub(crate) found: u64,
    /// The creation time of the last session found, in milliseconds.
    pub(crate) last: Option<i64>,
    /// The creation time at which the step ended.
    pub(crate) edge: Timestamp,
}

impl Default for Step {
    fn default() -> Self {
        Self { ended: 0, found: 0, last: None, edge: Timestamp::from_unix_millis(u64::MAX) }
    }
}

/// Reads the number of sessions that a step will find, and the creation time of the last one.
#[cfg(any(feature = "_sqlite", feature = "_mysql"))]
pub(crate) fn found(cells: &dyn Cells) -> Result<Step, StoreError> {
    let found = cells.number(0).flatten().unwrap_or_default().unsigned_abs();
    Ok(Step { found, last: cells.number(1).flatten(), ..Step::default() })
}

impl Step {
    /// Returns the creation time of the last session found.
    pub(crate) fn last(self) -> Timestamp {
        Timestamp::from_unix_millis(self.last.and_then(|last| u64::try_from(last).ok()).unwrap_or_default())
    }

    /// Builds the page for the caller. `from` is where the step began, `point` where the walk ends,
    /// `most` the limit of the step.
    #[cfg(any(feature = "_sqlite", feature = "_postgres"))]
    pub(crate) fn page(self, from: Timestamp, point: Timestamp, most: usize) -> EndedPage {
        let ended = usize::try_from(self.ended).unwrap_or(usize::MAX);
        let next = if self.ended < self.found {
            // Some moved concurrently: they have the same creation time under another key.
            Some(from)
        } else {
            // A step below its limit has passed all rows before its edge.
            let edge = (self.edge < point).then_some(self.edge);
            if ended >= most { Some(self.last()) } else { edge }
        };
        EndedPage::new(ended, next.map(|from| Walk { from, is_idle: false }.cursor()))
    }
}

#[cfg(all(test, any(feature = "_sqlite", feature = "_postgres")))]
mod tests {
    use super::{Cursor, Step, Timestamp, Walk};

    #[cfg(any(feature = "_postgres", feature = "_mysql"))]
    #[tokio::test]
    async fn a_step_that_times_out_is_repeated_with_fewer_rows() {
        use super::{Failure, STEP, StepSize};

        let table: [(&str, usize, usize, &[usize]); 6] = [
            ("no limit", usize::MAX, 10_000, &[STEP, STEP]),
            ("no limit, and fewer are wanted", usize::MAX, 300, &[300, 300]),
            ("no limit, and none is wanted", usize::MAX, 0, &[0, 0]),
            ("a limit", 500, 10_000, &[STEP, STEP / 4, STEP / 2, STEP / 8]),
            ("a limit of two rows", 2, 100, &[100, 25, 6, 1, 2]),
            ("a limit that no step meets", 0, 8, &[8, 2, 1, 1]),
        ];
        for (row, limit, most, expected) in table {
            let (steps, mut tried) = (StepSize::up_to(STEP), Vec::new());
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
        let (most, point) = (10, 2_000);
        let table = [
            ("nothing was there", 0, 0, None, point, None),
            ("nothing was live up to the edge", 0, 0, None, 950, Some("950")),
            ("fewer than a step", 3, 3, Some(900), point, None),
            ("fewer than a step up to the edge", 3, 3, Some(900), 950, Some("950")),
            ("one moved", 2, 3, Some(900), point, Some("700")),
            ("a whole step", most, most, Some(900), 950, Some("900")),
            ("a whole step, of which one moved", most - 1, most, Some(900), 950, Some("700")),
        ];
        let at = Timestamp::from_unix_millis;
        for (row, ended, found, last, edge, expected) in table {
            let page = Step { ended, found, last, edge: at(edge) }.page(at(700), at(point), 10);
            assert_eq!(page.next.as_ref().map(Cursor::as_str), expected, "{row}");
            assert_eq!(page.count as u64, ended, "{row}");
        }
    }

    #[test]
    fn a_walk_continues_at_its_cursor() {
        assert_eq!(Walk::read(None).unwrap(), Walk::START);
        for (text, from, is_idle) in [("900", 900, false), ("900i", 900, true), ("0i", 0, true)] {
            let walk = Walk { from: Timestamp::from_unix_millis(from), is_idle };
            assert_eq!(Walk::read(Some(&Cursor::new(text))).unwrap(), walk);
            assert_eq!(walk.cursor().as_str(), text);
        }
        for foreign in ["", "i", "-1", "x", "1ii", "18446744073709551616"] {
            Walk::read(Some(&Cursor::new(foreign))).unwrap_err();
        }
    }
}
