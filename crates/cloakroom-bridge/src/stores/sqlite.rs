//! Records in SQLite, in Django's form.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use cloakroom_session::{Error, Timestamp};
use cloakroom_sql::connections::{SqliteThreads, on_disk};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, ToSql, TransactionBehavior};

use super::table::{Table, quoted};
use crate::iso;
use crate::shared::{ForeignStore, SwapOutcome};

/// The time to wait for a writer of another process.
const PATIENCE: Duration = Duration::from_secs(1);

/// The expiry of sessions without one, in a column that requires it.
const LATEST: Timestamp = Timestamp::from_unix_secs(253_402_300_799);

/// Converts UTC to local time, and keeps the fraction of a second.
const LOCAL: &str = "(strftime('%Y-%m-%d %H:%M:%S', {}, 'localtime') || substr({}, 20))";

/// Records of Django in an SQLite database: the table `django_session`.
///
/// Times are text in that table, in UTC unless Django has `USE_TZ = False`; see
/// [`local_time`](Self::local_time). Expired rows are deleted by `manage.py clearsessions`. Clones
/// share one connection and its thread; dropping the last clone waits until the connection is
/// closed.
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
        let path = path.as_ref();
        // SQLite would open an empty database, not Django's.
        on_disk(path)?;
        let failed = |why: rusqlite::Error| Error::unavailable(format!("{}: {why}", path.display()));
        // Not created: an empty file would hide that the path is wrong.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        Ok(Self { connection: SqliteThreads::new(connection), table: Table::django("{}") })
    }

    /// Sets another name for the table, which must have the same columns.
    #[must_use]
    pub fn table(mut self, table: &str) -> Self {
        self.table.name = quoted(table);
        self
    }

    /// Keeps times in this process's local time: Django's `USE_TZ = False`.
    ///
    /// Start this application with the environment variable `TZ` set to Django's `TIME_ZONE`, which
    /// is `America/Chicago` if it isn't set. Local times repeat for an hour when summer time ends;
    /// with `USE_TZ = True` in Django they don't.
    #[must_use]
    pub fn local_time(mut self) -> Self {
        LOCAL.clone_into(&mut self.table.time);
        self
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

    /// Changes a row if it is live and its text is still `seen`.
    async fn swap(
        &self,
        id: &str,
        seen: &str,
        now: Timestamp,
        step: impl FnOnce(&Connection, &Table, &str) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<SwapOutcome, Error> {
        let (id, seen, now) = (id.to_owned(), seen.to_owned(), text(now));
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

/// Formats a time in Django's form: `2023-11-14 22:13:20.250000`, or without a fraction if it is
/// zero.
fn text(at: Timestamp) -> String {
    let text = iso::format(at.min(LATEST)).replace('T', " ");
    let text = text.trim_end_matches('Z');
    text.strip_suffix(".000").map_or_else(|| format!("{text}000"), str::to_owned)
}

fn found(connection: &Connection, table: &Table, id: &str, now: &str) -> rusqlite::Result<Option<String>> {
    let Table { name, id: key, text, ends, after, .. } = table;
    let now_at = table.time("?2");
    let mut statement = connection
        .prepare_cached(&format!("SELECT {text} FROM {name} WHERE {key} = ?1 AND {ends} {after} {now_at}"))?;
    statement.query_row([id, now], |row| row.get(0)).optional()
}

fn execute(connection: &Connection, statement: &str, values: &[&dyn ToSql]) -> rusqlite::Result<usize> {
    connection.prepare_cached(statement)?.execute(values)
}

impl ForeignStore for SqliteRecords {
    async fn load(&self, id: &str, now: Timestamp) -> Result<Option<String>, Error> {
        let (id, now) = (id.to_owned(), text(now));
        self.run(move |connection, table| found(connection, table, &id, &now)).await
    }

    async fn create(&self, id: &str, value: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let (id, value, end, now) = (id.to_owned(), value.to_owned(), text(ends.unwrap_or(LATEST)), text(now));
        let created = self.run(move |connection, table| {
            let Table { name, id: key, text, ends, after, .. } = table;
            let (end_at, now_at) = (table.time("?3"), table.time("?4"));
            // An expired row makes room.
            let statement = format!(
                "INSERT INTO {name} ({key}, {text}, {ends}) VALUES (?1, ?2, {end_at}) ON CONFLICT ({key}) DO UPDATE \
                 SET {text} = excluded.{text}, {ends} = excluded.{ends} WHERE NOT ({ends} {after} {now_at})"
            );
            execute(connection, &statement, &[&id, &value, &end, &now])
        });
        created.await.map(|changed| changed > 0)
    }

    async fn replace(
        &self,
        id: &str,
        seen: &str,
        value: &str,
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<SwapOutcome, Error> {
        let (value, end) = (value.to_owned(), text(ends.unwrap_or(LATEST)));
        self.swap(id, seen, now, move |connection, table, id| {
            let Table { name, id: key, text, ends, .. } = table;
            let end_at = table.time("?3");
            let statement = format!("UPDATE {name} SET {text} = ?2, {ends} = {end_at} WHERE {key} = ?1");
            execute(connection, &statement, &[&id, &value, &end])
        })
        .await
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let (id, end, now) = (id.to_owned(), text(ends.unwrap_or(LATEST)), text(now));
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

    async fn end_if(&self, id: &str, seen: &str, now: Timestamp) -> Result<SwapOutcome, Error> {
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

    use super::{LATEST, text};

    #[test]
    fn times_are_djangos_text() {
        for (millis, expected) in [
            (1_700_000_000_000, "2023-11-14 22:13:20"),
            (1_700_000_000_250, "2023-11-14 22:13:20.250000"),
            (1_700_000_000_001, "2023-11-14 22:13:20.001000"),
            (u64::MAX, "9999-12-31 23:59:59"),
        ] {
            assert_eq!(text(Timestamp::from_unix_millis(millis)), expected);
        }
        assert_eq!(text(LATEST), "9999-12-31 23:59:59");
    }
}
