//! Records in PostgreSQL, in the form of Django, `connect-pg-simple` and tower-sessions.

use std::fmt;
use std::sync::Arc;

use cloakroom_session::{Error, Timestamp};
use cloakroom_sql::connections::PostgresConnections;
use deadpool_postgres::Pool;
use tokio::sync::OnceCell;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::table::{Holds, Table, quoted, text};
use crate::shared::{ForeignStore, SwapOutcome};

/// The expiry of sessions without one, in a column that requires it: the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// Records of Django, Express or tower-sessions in a PostgreSQL database.
///
/// The tables are Django's `django_session`, `session` of `connect-pg-simple`, and
/// `tower_sessions.session` of `tower-sessions-sqlx-store`.
///
/// A replacement compares and writes in one statement. The framework deletes expired rows:
/// `manage.py clearsessions`, the pruning of `connect-pg-simple`, or `continuously_delete_expired`
/// of tower-sessions. Clones share the pool.
///
/// # Examples
/// ```
/// use cloakroom_bridge::PostgresRecords;
///
/// let django = PostgresRecords::django("postgres://shop@localhost/shop")?;
/// let express = PostgresRecords::express("postgres://shop@localhost/shop")?.table("web", "user_sessions");
/// # Ok::<(), cloakroom_session::Error>(())
/// ```
#[derive(Clone)]
pub struct PostgresRecords {
    connections: PostgresConnections,
    table: Table,
    statements: Arc<Statements>,
    /// The time zone of the column with the expiry.
    zone: Zone,
}

#[derive(Clone)]
enum Zone {
    /// The column's times don't depend on a connection's time zone.
    Independent,
    /// The time zone of this connection, once it is known to be that of all roles.
    Shared(Arc<OnceCell<()>>),
}

/// Finds a role that can write the table and whose connections have another time zone than this
/// one. A superuser without a setting is hardly the application's role.
const OTHER_ZONE: &str = include_str!("sql/other_zone.sql");

struct Statements {
    load: String,
    create: String,
    replace: String,
    touch: String,
    end: String,
    end_if: String,
}

impl Statements {
    fn of(table: &Table) -> Self {
        let Table { name, id, record, holds, ends, after, .. } = table;
        // The record as it is compared and returned, and a parameter as it is stored.
        let (read, cast) = match holds {
            Holds::Text => (format!("{record}::text"), "::text"),
            Holds::Json => (format!("{record}::text"), "::text::json"),
            Holds::Bytes => ((*record).to_owned(), ""),
        };
        let time = |parameter: &str| table.time(parameter);
        let live = |now: &str| format!("{ends} {after} {}", time(now));
        // Returns the number of rows changed, and whether the record exists at all.
        let swap = |change: String, now: &str| {
            let there = format!("EXISTS (SELECT 1 FROM {name} WHERE {id} = $1 AND {})", live(now));
            format!("WITH changed AS ({change} RETURNING 1) SELECT (SELECT count(*) FROM changed), {there}")
        };
        Self {
            load: format!("SELECT {read} FROM {name} WHERE {id} = $1 AND {}", live("$2")),
            // An expired row makes room.
            create: format!(
                "INSERT INTO {name} ({id}, {record}, {ends}) VALUES ($1, $2{cast}, {}) \
                 ON CONFLICT ({id}) DO UPDATE SET {record} = EXCLUDED.{record}, {ends} = EXCLUDED.{ends} \
                 WHERE NOT ({name}.{})",
                time("$3"),
                live("$4")
            ),
            replace: swap(
                format!(
                    "UPDATE {name} SET {record} = $3{cast}, {ends} = {} \
                     WHERE {id} = $1 AND {read} = $2 AND {}",
                    time("$4"),
                    live("$5")
                ),
                "$5",
            ),
            touch: format!("UPDATE {name} SET {ends} = {} WHERE {id} = $1 AND {}", time("$2"), live("$3")),
            end: format!("DELETE FROM {name} WHERE {id} = $1"),
            end_if: swap(format!("DELETE FROM {name} WHERE {id} = $1 AND {read} = $2 AND {}", live("$3")), "$3"),
        }
    }
}

impl PostgresRecords {
    /// Uses Django's table in the database of a URL, with at most 16 connections.
    ///
    /// Each is opened on first use.
    ///
    /// The URL takes the options of `PostgresStore::connect`: encryption, and `prepared=false`
    /// behind a pooler.
    ///
    /// # Errors
    /// Fails if the URL is invalid; the error doesn't repeat it.
    pub fn django(url: &str) -> Result<Self, Error> {
        connections(url).map(|connections| Self::of(connections, Table::django("to_timestamp({})")))
    }

    /// Uses the table of `connect-pg-simple`, like [`django`](Self::django).
    ///
    /// # Errors
    /// Fails if the URL is invalid; the error doesn't repeat it.
    pub fn express(url: &str) -> Result<Self, Error> {
        connections(url).map(|connections| Self::of(connections, Table::express()))
    }

    /// Uses Django's table, on the application's own pool.
    #[must_use]
    pub fn django_from_pool(pool: Pool) -> Self {
        Self::of(PostgresConnections::from_pool(pool), Table::django("to_timestamp({})"))
    }

    /// Uses the table of `connect-pg-simple`, on the application's own pool.
    #[must_use]
    pub fn express_from_pool(pool: Pool) -> Self {
        Self::of(PostgresConnections::from_pool(pool), Table::express())
    }

    /// Uses the table of tower-sessions, like [`django`](Self::django).
    ///
    /// # Errors
    /// Fails if the URL is invalid; the error doesn't repeat it.
    pub fn tower_sessions(url: &str) -> Result<Self, Error> {
        connections(url).map(|connections| Self::of(connections, Self::of_tower_sessions()))
    }

    /// Uses the table of tower-sessions, on the application's own pool.
    #[must_use]
    pub fn tower_sessions_from_pool(pool: Pool) -> Self {
        Self::of(PostgresConnections::from_pool(pool), Self::of_tower_sessions())
    }

    fn of_tower_sessions() -> Table {
        Table::tower_sessions(format!("{}.{}", quoted("tower_sessions"), quoted("session")), "to_timestamp({})")
    }

    fn of(connections: PostgresConnections, table: Table) -> Self {
        // The columns of Django and tower-sessions have a time zone.
        let zone = if table.holds != Holds::Json { Zone::Independent } else { Zone::Shared(Arc::default()) };
        Self::in_zone(connections, table, zone)
    }

    fn in_zone(connections: PostgresConnections, table: Table, zone: Zone) -> Self {
        let statements = Arc::new(Statements::of(&table));
        Self { connections, table, statements, zone }
    }

    /// Sets the time zone of the connections of `connect-pg-simple`.
    ///
    /// Its column `expire` has no time zone: each connection reads and writes it in its own, which
    /// a role or a database can set (`ALTER ROLE … SET timezone`). Without this option, all roles
    /// that can write the table must have the same time zone as this one; otherwise each operation
    /// fails with an error that names the role. Set it too if the application changes the time zone
    /// of its connections itself. Local times repeat for an hour when summer time ends.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_bridge::PostgresRecords;
    ///
    /// // ALTER ROLE node SET timezone = 'America/New_York'
    /// let store = PostgresRecords::express("postgres://rust@localhost/shop")?.time_zone("America/New_York");
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    #[must_use]
    pub fn time_zone(self, zone: &str) -> Self {
        if self.table.holds != Holds::Json {
            // These columns have a time zone.
            return self;
        }
        let time = format!("(to_timestamp({{}}) AT TIME ZONE '{}')", zone.replace('\'', "''"));
        Self::in_zone(self.connections, Table { time, ..self.table }, Zone::Independent)
    }

    /// Sets another name for the table, which must have the same columns.
    ///
    /// For `connect-pg-simple`, use its `schemaName` and `tableName`. For tower-sessions, use
    /// `with_schema_name` and `with_table_name`.
    #[must_use]
    pub fn table(self, schema: &str, table: &str) -> Self {
        let name = format!("{}.{}", quoted(schema), quoted(table));
        let zone = match self.zone {
            Zone::Independent => Zone::Independent,
            Zone::Shared(_) => Zone::Shared(Arc::default()),
        };
        Self::in_zone(self.connections, Table { name, ..self.table }, zone)
    }

    fn sent<'a>(&self, record: &'a [u8]) -> Result<Sent<'a>, Error> {
        Ok(match self.table.holds {
            Holds::Text | Holds::Json => Sent::Text(text(record)?),
            Holds::Bytes => Sent::Bytes(record),
        })
    }

    async fn rows(&self, text: &str, values: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>, Error> {
        self.zone_is_shared().await?;
        Ok(self.connections.ask(text, values).await?.0)
    }

    async fn changed(&self, text: &str, values: &[(&(dyn ToSql + Sync), Type)]) -> Result<bool, Error> {
        self.zone_is_shared().await?;
        Ok(self.connections.ask(text, values).await?.1 > 0)
    }

    /// Checks once that the other application's times mean the same here.
    async fn zone_is_shared(&self) -> Result<(), Error> {
        let Zone::Shared(known) = &self.zone else { return Ok(()) };
        let check = || async {
            let (rows, _) = self.connections.ask(OTHER_ZONE, &[words(&self.table.name.as_str())]).await?;
            let Some(row) = rows.first() else { return Ok(()) };
            let text = |at| row.try_get::<_, String>(at).map_err(Error::unavailable);
            Err(Error::unavailable(format!(
                "times without a time zone in {}: the time zone of role {} is {}, here it is {}; set \
                 PostgresRecords::time_zone to that of the application that wrote them",
                self.table.name,
                text(0)?,
                text(1)?,
                text(2)?
            )))
        };
        known.get_or_try_init(check).await.copied()
    }

    async fn swap(&self, text: &str, values: &[(&(dyn ToSql + Sync), Type)]) -> Result<SwapOutcome, Error> {
        let rows = self.rows(text, values).await?;
        let row = rows.first().ok_or_else(|| Error::unavailable("the result has no rows"))?;
        let changed: i64 = row.try_get(0).map_err(Error::unavailable)?;
        let there: bool = row.try_get(1).map_err(Error::unavailable)?;
        Ok(match (changed, there) {
            (1.., _) => SwapOutcome::Done,
            (_, true) => SwapOutcome::Conflict,
            (_, false) => SwapOutcome::Gone,
        })
    }
}

fn connections(url: &str) -> Result<PostgresConnections, Error> {
    Ok(PostgresConnections::connect(url)?)
}

/// An unprepared statement must state the types of its values.
fn words<'a>(text: &'a &str) -> (&'a (dyn ToSql + Sync), Type) {
    (text, Type::TEXT)
}

/// A record, in the type of its column.
fn value<'a>(record: &'a Sent<'_>) -> (&'a (dyn ToSql + Sync), Type) {
    match record {
        Sent::Text(text) => (text, Type::TEXT),
        Sent::Bytes(bytes) => (bytes, Type::BYTEA),
    }
}

/// A record that is sent to the server.
enum Sent<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

const fn time(seconds: &f64) -> (&(dyn ToSql + Sync), Type) {
    (seconds, Type::FLOAT8)
}

#[expect(clippy::cast_precision_loss, reason = "current times in milliseconds fit exactly in a float")]
fn seconds(at: Timestamp) -> f64 {
    at.unix_millis() as f64 / 1000.0
}

fn end(ends: Option<Timestamp>) -> f64 {
    ends.map_or(LATEST, |ends| seconds(ends).min(LATEST))
}

impl ForeignStore for PostgresRecords {
    async fn load(&self, id: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        let rows = self.rows(&self.statements.load, &[words(&id), time(&seconds(now))]).await?;
        let record = |row: &Row| match self.table.holds {
            Holds::Text | Holds::Json => row.try_get(0).map(String::into_bytes),
            Holds::Bytes => row.try_get(0),
        };
        rows.first().map(|row| record(row).map_err(Error::unavailable)).transpose()
    }

    async fn create(&self, id: &str, record: &[u8], ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let record = self.sent(record)?;
        self.changed(&self.statements.create, &[words(&id), value(&record), time(&end(ends)), time(&seconds(now))])
            .await
    }

    async fn replace(
        &self,
        id: &str,
        seen: &[u8],
        record: &[u8],
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<SwapOutcome, Error> {
        let (seen, record) = (self.sent(seen)?, self.sent(record)?);
        self.swap(
            &self.statements.replace,
            &[words(&id), value(&seen), value(&record), time(&end(ends)), time(&seconds(now))],
        )
        .await
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        self.changed(&self.statements.touch, &[words(&id), time(&end(ends)), time(&seconds(now))]).await
    }

    async fn end(&self, id: &str) -> Result<bool, Error> {
        self.changed(&self.statements.end, &[words(&id)]).await
    }

    async fn end_if(&self, id: &str, seen: &[u8], now: Timestamp) -> Result<SwapOutcome, Error> {
        let seen = self.sent(seen)?;
        self.swap(&self.statements.end_if, &[words(&id), value(&seen), time(&seconds(now))]).await
    }
}

impl fmt::Debug for PostgresRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresRecords").field("connections", &self.connections).finish_non_exhaustive()
    }
}
