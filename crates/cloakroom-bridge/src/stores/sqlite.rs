//! Records in SQLite, in the form of Django and tower-sessions.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use cloakroom_session::{Error, Timestamp};
use cloakroom_sql::connections::{SqliteThreads, on_disk};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, ToSql, TransactionBehavior};

use super::table::{Holds, Table, Times, quoted};
use crate::iso;
use crate::shared::{DatedRecord, ForeignStore, SwapOutcome};

/// The time to wait for a writer of another process.
const PATIENCE: Duration = Duration::from_secs(1);

/// The expiry of sessions without one, in a column that requires it.
const LATEST: Timestamp = Timestamp::from_unix_secs(253_402_300_799);

/// Converts UTC to local time, and keeps the fraction of a second.
const LOCAL: &str = "(strftime('%Y-%m-%d %H:%M:%S', {}, 'localtime') || substr({}, 20))";

/// Records of Django or tower-sessions in an SQLite database.
///
/// The tables are Django's `django_session`, and `tower_sessions` of `tower-sessions-sqlx-store`.
/// Times are text in them, in UTC unless Django has `USE_TZ = False`; see
/// [`local_time`](Self::local_time). The framework deletes expired rows: `manage.py clearsessions`,
/// or `continuously_delete_expired`. Clones share one connection and its thread; dropping the last
/// clone waits until the connection is closed.
///
/// # Examples
/// ```no_run
/// use cloakroom_bridge::{DjangoRecord, SharedRecords, SqliteRecords};
///
/// let store = SqliteRecords::django("db.sqlite3")?;
/// let sessions = SharedRecords::new(DjangoRecord::new("django-insecure-…")?, store).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteRecords {
    connection: SqliteThreads,
    table: Table,
}

impl SqliteRecords {
    /// Uses Django's table, in an existing database.
    ///
    /// # Errors
    /// Fails if the file doesn't exist or isn't a database; the error names it. An in-memory
    /// database (`:memory:`) and an empty path are refused.
    pub fn django(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open(path.as_ref(), Table::django("{}"))
    }

    /// Uses the table of tower-sessions, in an existing database, like [`django`](Self::django).
    ///
    /// # Errors
    /// Fails if the file doesn't exist or isn't a database; the error names it. An in-memory
    /// database (`:memory:`) and an empty path are refused.
    pub fn tower_sessions(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open(path.as_ref(), Table::tower_sessions(quoted("tower_sessions"), "{}"))
    }

    /// Sets another name for the table, which must have the same columns: the `with_table_name` of
    /// tower-sessions.
    #[must_use]
    pub fn table(mut self, table: &str) -> Self {
        self.table.name = quoted(table);
        self
    }

    fn open(path: &Path, table: Table) -> Result<Self, Error> {
        // SQLite would open an empty database, not the framework's.
        on_disk(path)?;
        let failed = |why: rusqlite::Error| Error::unavailable(format!("{}: {why}", path.display()));
        // Not created: an empty file would hide that the path is wrong.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        Ok(Self { connection: SqliteThreads::new(connection), table })
    }

    /// Keeps times in this process's local time: Django's `USE_TZ = False`.
    ///
    /// Start this application with the environment variable `TZ` set to Django's `TIME_ZONE`, which
    /// is `America/Chicago` if it isn't set. Local times repeat for an hour when summer time ends;
    /// with `USE_TZ = True` in Django they don't.
    ///
    /// Sessions that Django saved in another time zone than this one are refused:
    /// [`Rejected::OtherTimeZone`](cloakroom_session::factory::Rejected::OtherTimeZone).
    #[must_use]
    pub fn local_time(mut self) -> Self {
        LOCAL.clone_into(&mut self.table.time);
        self
    }

    fn time(&self, at: Timestamp) -> String {
        format(self.table.times, at)
    }

    fn end(&self, ends: Option<Timestamp>) -> String {
        self.time(ends.unwrap_or(LATEST))
    }

    fn value(&self, record: &[u8]) -> Result<Value, Error> {
        Ok(match self.table.holds {
            Holds::Text | Holds::Json => Value::Text(super::table::text(record)?.to_owned()),
            Holds::Bytes => Value::Blob(record.to_vec()),
        })
    }

    /// Runs a step on the connection's thread. If the caller stops waiting before it begins, the
    /// step isn't run.
    async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Connection, &Table) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let table = self.table.clone();
        Ok(self.connection.run(move |connection| step(connection, &table)).await?)
    }

    /// Changes a row if it is live and its record is still `seen`.
    async fn swap(
        &self,
        id: &str,
        seen: &[u8],
        now: Timestamp,
        step: impl FnOnce(&Connection, &Table, &str) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<SwapOutcome, Error> {
        let (id, seen, now) = (id.to_owned(), seen.to_vec(), self.time(now));
        let swapped = self.run(move |connection, table| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let there = found(&transaction, table, &id, &now)?;
            let swapped = match there {
                None => SwapOutcome::Gone,
                Some(there) if there != seen => SwapOutcome::Conflict,
                Some(_) => {
                    step(&transaction, table, &id)?;
                    SwapOutcome::Done
                }
            };
            transaction.commit()?;
            Ok(swapped)
        });
        swapped.await
    }
}

/// Formats a time in the framework's form.
fn format(times: Times, at: Timestamp) -> String {
    let text = iso::format(at.min(LATEST));
    match times {
        Times::Django => {
            let text = text.replace('T', " ");
            let text = text.trim_end_matches('Z');
            text.strip_suffix(".000").map_or_else(|| format!("{text}000"), str::to_owned)
        }
        Times::Rfc3339 => format!("{}Z", text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.')),
    }
}

fn found(connection: &Connection, table: &Table, id: &str, now: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let Table { name, id: key, record, ends, after, .. } = table;
    let now_at = table.time("?2");
    let mut statement = connection
        .prepare_cached(&format!("SELECT {record} FROM {name} WHERE {key} = ?1 AND {ends} {after} {now_at}"))?;
    statement.query_row([id, now], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec())).optional()
}

/// Returns a record of Django, and the expiry in its column, also if it has passed.
fn dated(connection: &Connection, table: &Table, id: &str) -> rusqlite::Result<Option<DatedRecord>> {
    let Table { name, id: key, record, ends, .. } = table;
    // A text that isn't a time has no seconds.
    let seconds = if table.time == LOCAL { "strftime('%s', {}, 'utc')" } else { "strftime('%s', {})" };
    let seconds = seconds.replace("{}", ends);
    let mut statement = connection
        .prepare_cached(&format!("SELECT {record}, CAST({seconds} AS INTEGER) FROM {name} WHERE {key} = ?1"))?;
    let row = statement.query_row([id], |row| {
        let seconds = row.get::<_, Option<i64>>(1)?.map(|seconds| u64::try_from(seconds).unwrap_or_default());
        Ok(DatedRecord::new(row.get_ref(0)?.as_bytes()?.to_vec()).ends(seconds.map(Timestamp::from_unix_secs)))
    });
    row.optional()
}

fn execute(connection: &Connection, statement: &str, values: &[&dyn ToSql]) -> rusqlite::Result<usize> {
    connection.prepare_cached(statement)?.execute(values)
}

impl ForeignStore for SqliteRecords {
    async fn load(&self, id: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        let (id, now) = (id.to_owned(), self.time(now));
        self.run(move |connection, table| found(connection, table, &id, &now)).await
    }

    async fn load_dated(&self, id: &str, now: Timestamp) -> Result<Option<DatedRecord>, Error> {
        if self.table.times == Times::Rfc3339 {
            return Ok(self.load(id, now).await?.map(DatedRecord::new));
        }
        let id = id.to_owned();
        self.run(move |connection, table| dated(connection, table, &id)).await
    }

    async fn create(&self, id: &str, record: &[u8], ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let (id, value, end, now) = (id.to_owned(), self.value(record)?, self.end(ends), self.time(now));
        let created = self.run(move |connection, table| {
            let Table { name, id: key, record, ends, after, .. } = table;
            let (end_at, now_at) = (table.time("?3"), table.time("?4"));
            // An expired row makes room.
            let statement = format!(
                "INSERT INTO {name} ({key}, {record}, {ends}) VALUES (?1, ?2, {end_at}) ON CONFLICT ({key}) DO UPDATE \
                 SET {record} = excluded.{record}, {ends} = excluded.{ends} WHERE NOT ({ends} {after} {now_at})"
            );
            execute(connection, &statement, &[&id, &value, &end, &now])
        });
        created.await.map(|changed| changed > 0)
    }

    async fn replace(
        &self,
        id: &str,
        seen: &[u8],
        record: &[u8],
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<SwapOutcome, Error> {
        let (value, end) = (self.value(record)?, self.end(ends));
        self.swap(id, seen, now, move |connection, table, id| {
            let Table { name, id: key, record, ends, .. } = table;
            let end_at = table.time("?3");
            let statement = format!("UPDATE {name} SET {record} = ?2, {ends} = {end_at} WHERE {key} = ?1");
            execute(connection, &statement, &[&id, &value, &end])
        })
        .await
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let (id, end, now) = (id.to_owned(), self.end(ends), self.time(now));
        let touched = self.run(move |connection, table| {
            let Table { name, id: key, ends, after, .. } = table;
            let (end_at, now_at) = (table.time("?2"), table.time("?3"));
            let statement = format!("UPDATE {name} SET {ends} = {end_at} WHERE {key} = ?1 AND {ends} {after} {now_at}");
            execute(connection, &statement, &[&id, &end, &now])
        });
        touched.await.map(|changed| changed > 0)
    }

    async fn end(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        let ended = self.run(move |connection, Table { name, id: key, .. }| {
            execute(connection, &format!("DELETE FROM {name} WHERE {key} = ?1"), &[&id])
        });
        Ok(ended.await? > 0)
    }

    async fn end_if(&self, id: &str, seen: &[u8], now: Timestamp) -> Result<SwapOutcome, Error> {
        self.swap(id, seen, now, |connection, Table { name, id: key, .. }, id| {
            execute(connection, &format!("DELETE FROM {name} WHERE {key} = ?1"), &[&id])
        })
        .await
    }
}

impl fmt::Debug for SqliteRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteRecords").field("table", &self.table.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_session::Timestamp;

    use super::{LATEST, Times, format};

    #[test]
    fn times_are_the_frameworks_text() {
        for (millis, django, rfc3339) in [
            (1_700_000_000_000, "2023-11-14 22:13:20", "2023-11-14T22:13:20Z"),
            (1_700_000_000_250, "2023-11-14 22:13:20.250000", "2023-11-14T22:13:20.25Z"),
            (1_700_000_000_001, "2023-11-14 22:13:20.001000", "2023-11-14T22:13:20.001Z"),
            (u64::MAX, "9999-12-31 23:59:59", "9999-12-31T23:59:59Z"),
        ] {
            let at = Timestamp::from_unix_millis(millis);
            assert_eq!(
                (format(Times::Django, at), format(Times::Rfc3339, at)),
                (django.to_owned(), rfc3339.to_owned())
            );
        }
        assert_eq!(format(Times::Django, LATEST), "9999-12-31 23:59:59");
    }
}
