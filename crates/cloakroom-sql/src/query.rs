//! Values sent to a database and received from it, independent of the driver.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Entry, StoreError};

/// The number of attempts for a step that concurrent requests interfere with.
pub(crate) const TRIES: usize = 10;

/// The time a connection has to answer after its caller stopped waiting, before its statement is
/// cancelled.
#[cfg(any(feature = "postgres", feature = "mysql", feature = "_sqlx"))]
pub(crate) const GRACE: Duration = Duration::from_millis(100);

/// A parameter of a statement.
#[derive(Clone)]
pub(crate) enum Value {
    Key(StoreKey),
    Number(Option<i64>),
    Text(Option<Arc<str>>),
}

impl fmt::Debug for Value {
    // Drivers log the parameters of statements, and a record must not appear in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(_) => f.write_str("[text]"),
        }
    }
}

impl From<&StoreKey> for Value {
    fn from(key: &StoreKey) -> Self {
        Self::Key(*key)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<Timestamp> for Value {
    fn from(point: Timestamp) -> Self {
        point.unix_millis().into()
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(point: Option<Timestamp>) -> Self {
        point.map_or(Self::Number(None), Self::from)
    }
}

impl From<u64> for Value {
    /// Converts a count or a time; values beyond 292 million years are clamped.
    fn from(count: u64) -> Self {
        Self::Number(Some(i64::try_from(count).unwrap_or(i64::MAX)))
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        u64::try_from(count).unwrap_or(u64::MAX).into()
    }
}

/// Returns text, created, touched, deadline and owner.
pub(crate) fn values(entry: &Entry) -> [Value; 5] {
    let owner = Value::Text(entry.owner.as_deref().map(Arc::from));
    [
        Value::Text(Some(Arc::clone(entry.text()))),
        entry.created.into(),
        entry.touched.into(),
        entry.deadline.into(),
        owner,
    ]
}

/// Touches this close together count as one: only the first is written.
///
/// A page may load thirty resources at once, and each request may find that a touch is due.
const ONE_TOUCH: Duration = Duration::from_secs(1);

/// Returns the values of a touch: key, now, touched, deadline, and the latest `touched` and
/// `deadline` that are still overwritten.
///
/// For a session that lasts less than a hundred seconds, the interval is one hundredth of its
/// lifetime.
pub(crate) fn touch(key: &StoreKey, touched: Timestamp, deadline: Option<Timestamp>, now: Timestamp) -> [Value; 6] {
    let lasts = deadline.map_or(u64::MAX, |deadline| deadline.unix_millis().saturating_sub(touched.unix_millis()));
    let close = u64::try_from(ONE_TOUCH.as_millis()).unwrap_or_default().min(lasts / 100);
    let before = |point: Timestamp| Timestamp::from_unix_millis(point.unix_millis().saturating_sub(close));
    [key.into(), now.into(), touched.into(), deadline.into(), before(touched).into(), deadline.map(before).into()]
}

/// A row of any driver. `None` means that the column doesn't have the type.
pub(crate) trait Cells {
    fn number(&self, column: usize) -> Option<Option<i64>>;
    fn bytes(&self, column: usize) -> Option<Option<&[u8]>>;

    /// Returns a text to be shown to the operator; empty if there is none.
    fn text(&self, column: usize) -> String {
        String::from_utf8_lossy(self.bytes(column).flatten().unwrap_or_default()).into_owned()
    }
}

/// The number of rows that a statement wrote, and the number that there were to write.
///
/// For a statement that writes one row, the first may be any number above 0. The second has a
/// meaning only if fewer rows were written than the statement could.
pub(crate) type Counts = (u64, u64);

/// Connections to a database, which run its statements.
pub(crate) trait Executor: Clone {
    type Statement;
    /// A write that also counts the rows that there were to write.
    type Write;

    /// Runs a query and reads its rows. There may be more values than parameters.
    async fn rows<T: Send + 'static, const N: usize>(
        &self,
        statement: &Self::Statement,
        values: &[Value; N],
        read: impl Fn(&dyn Cells) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure>;

    /// Runs a write. Returns the number of rows written.
    async fn changed<const N: usize>(&self, statement: &Self::Statement, values: &[Value; N]) -> Result<u64, Failure>;

    /// Runs a write of at most `most` rows.
    async fn write<const N: usize>(
        &self,
        write: &Self::Write,
        values: &[Value; N],
        most: usize,
    ) -> Result<Counts, Failure>;
}

/// The reason why a prepared statement can't be used.
#[cfg(feature = "_postgres")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unprepared {
    /// The server forgot it (`DISCARD ALL`), or the request reached a server that never prepared
    /// it.
    Forgotten,
    /// Its result columns changed because the table was altered.
    Outdated,
    /// Its name belongs to another client's statement.
    Mixed,
}

/// The reason why a statement wasn't executed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database rolled it back because of a conflict: it may be retried.
    #[cfg(any(feature = "_postgres", feature = "_mysql"))]
    Undone(StoreError),
    /// The server doesn't know the prepared statement, or has another one under its name. Nothing
    /// was executed.
    #[cfg(feature = "_postgres")]
    Unprepared(
        #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "sqlx prepares its statements itself"))]
        Unprepared,
        StoreError,
    ),
    /// The table doesn't exist, or lacks a column. Holds the database's message.
    Missing(String),
    /// A row with this key exists.
    Taken,
    /// The server's statement timeout ended the statement. It was rolled back.
    #[cfg_attr(
        not(any(feature = "_postgres", feature = "_mysql")),
        expect(dead_code, reason = "SQLite has no statement timeout")
    )]
    TooSlow(StoreError),
    Refused(StoreError),
}

impl Failure {
    pub(crate) fn because(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Refused(StoreError::unavailable(why))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            #[cfg(any(feature = "_postgres", feature = "_mysql"))]
            Failure::Undone(error) => error,
            #[cfg(feature = "_postgres")]
            Failure::Unprepared(_, error) => error,
            Failure::TooSlow(error) | Failure::Refused(error) => error,
            Failure::Missing(told) => Self::missing(format!(
                "the table of sessions is missing or from an earlier release: {told}; `migrate()` creates or upgrades it, and \
                 `schema()` returns the statements"
            )),
            Failure::Taken => Self::unavailable("a row with this key exists"),
        }
    }
}

/// The number of attempts for a statement that the database rolls back because of a conflict.
///
/// A hundred requests that write one row at once may each be rolled back because of many of the
/// others.
#[cfg(any(feature = "_postgres", feature = "_mysql"))]
const UNDONE_TRIES: u32 = 40;

/// Retries a statement that the database rolled back because of a conflict. The pause before each
/// retry is random and grows, so that the conflicting requests don't all return at once.
#[cfg(any(feature = "_postgres", feature = "_mysql"))]
pub(crate) async fn persist<T, F: Future<Output = Result<T, Failure>>>(
    mut step: impl FnMut() -> F,
) -> Result<T, Failure> {
    for tried in 1..UNDONE_TRIES {
        match step().await {
            Err(Failure::Undone(_)) => tokio::time::sleep(pause(tried)).await,
            answer => return answer,
        }
    }
    step().await
}

/// Returns at most one millisecond after the first attempt, and at most 32 from the sixth on.
#[cfg(any(feature = "_postgres", feature = "_mysql"))]
fn pause(tried: u32) -> Duration {
    let longest = 1_u64 << (tried - 1).min(5);
    // Without random bytes, use the longest pause.
    let [byte] = cloakroom_session::factory::random::<1>().unwrap_or([u8::MAX]);
    Duration::from_micros(longest * 1000 * u64::from(byte) / 255)
}

#[cfg(test)]
mod tests {
    use super::Value;
    #[cfg(any(feature = "_postgres", feature = "_mysql"))]
    use super::{Failure, StoreError, UNDONE_TRIES, persist};

    #[test]
    fn times_are_clamped_to_the_range_of_a_column() {
        assert!(matches!(Value::from(u64::MAX), Value::Number(Some(i64::MAX))));
        assert!(!format!("{:?}", Value::from("secret")).contains("secret"));
    }

    #[cfg(any(feature = "_postgres", feature = "_mysql"))]
    #[tokio::test]
    async fn rolled_back_statements_are_retried_a_limited_number_of_times() {
        for (undone, expected) in [(0, 1), (3, 4), (UNDONE_TRIES - 1, UNDONE_TRIES), (UNDONE_TRIES, UNDONE_TRIES)] {
            let mut tried = 0;
            let answer = persist(|| {
                tried += 1;
                let answer = if tried > undone { Ok(()) } else { Err(Failure::Undone(StoreError::timed_out())) };
                std::future::ready(answer)
            });
            assert_eq!(answer.await.is_ok(), undone < UNDONE_TRIES, "{undone} times undone");
            assert_eq!(tried, expected, "{undone} times undone");
        }
    }
}
