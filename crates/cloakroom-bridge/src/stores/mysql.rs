//! Records in MySQL and MariaDB, in the form of tower-sessions.

use std::fmt;
use std::sync::Arc;

use cloakroom_session::{Error, Timestamp};
use cloakroom_sql::connections::MysqlConnections;
use mysql_async::Value;

use super::table::Table;
use crate::shared::{ForeignStore, SwapOutcome};

/// The last time of a `TIMESTAMP`, in milliseconds: January 2038.
const LATEST: u64 = 2_147_483_647_000;

/// Records of tower-sessions in a MySQL or MariaDB database.
///
/// The table is `tower_sessions.session` of `tower-sessions-sqlx-store`, whose
/// `continuously_delete_expired` deletes expired rows. Clones share the pool.
///
/// If nothing was replaced or ended, a second statement determines why.
///
/// # Security
/// The column of ids compares without regard to case, and so does tower-sessions. This store
/// compares exactly.
///
/// # Examples
/// ```
/// use cloakroom_bridge::MysqlRecords;
///
/// let store = MysqlRecords::tower_sessions("mysql://shop@localhost/shop")?.table("web", "sessions");
/// # Ok::<(), cloakroom_session::Error>(())
/// ```
#[derive(Clone)]
pub struct MysqlRecords {
    connections: MysqlConnections,
    statements: Arc<Statements>,
}

struct Statements {
    load: String,
    create: String,
    make_room: String,
    replace: String,
    touch: String,
    end: String,
    end_if: String,
}

impl Statements {
    fn of(table: &Table) -> Self {
        let Table { name, id, record, ends, after, .. } = table;
        // The first comparison uses the index, the second one regards case.
        let this = format!("{id} = ? AND CAST({id} AS BINARY) = ?");
        // Milliseconds since 1970, which no time zone changes.
        let live = format!("UNIX_TIMESTAMP({ends}) * 1000 {after} ?");
        Self {
            load: format!("SELECT {record} FROM {name} WHERE {this} AND {live}"),
            create: format!("INSERT INTO {name} ({id}, {record}, {ends}) VALUES (?, ?, FROM_UNIXTIME(? / 1000))"),
            make_room: format!("DELETE FROM {name} WHERE {this} AND NOT ({live})"),
            replace: format!(
                "UPDATE {name} SET {record} = ?, {ends} = FROM_UNIXTIME(? / 1000) WHERE {this} AND {record} = ? AND {live}"
            ),
            touch: format!("UPDATE {name} SET {ends} = FROM_UNIXTIME(? / 1000) WHERE {this} AND {live}"),
            end: format!("DELETE FROM {name} WHERE {this}"),
            end_if: format!("DELETE FROM {name} WHERE {this} AND {record} = ? AND {live}"),
        }
    }
}

impl MysqlRecords {
    /// Uses the table of tower-sessions in the database of a URL, with at most 16 connections.
    ///
    /// Each is opened on first use.
    ///
    /// The URL takes the options of `MysqlStore::connect`.
    ///
    /// # Errors
    /// Fails if the URL is invalid; the error doesn't repeat it.
    pub fn tower_sessions(url: &str) -> Result<Self, Error> {
        let table = Table::tower_sessions("`tower_sessions`.`session`".to_owned(), "FROM_UNIXTIME({} / 1000)");
        let connections = MysqlConnections::connect(url)?;
        Ok(Self { connections, statements: Arc::new(Statements::of(&table)) })
    }

    /// Sets another schema and table: `with_schema_name` and `with_table_name` of tower-sessions.
    #[must_use]
    pub fn table(mut self, schema: &str, table: &str) -> Self {
        let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
        let name = format!("{}.{}", quoted(schema), quoted(table));
        self.statements = Arc::new(Statements::of(&Table::tower_sessions(name, "FROM_UNIXTIME({} / 1000)")));
        self
    }

    /// Returns the outcome of a write that found nothing to change.
    async fn unchanged(&self, id: &str, expected: Option<&[u8]>, now: Timestamp) -> Result<SwapOutcome, Error> {
        Ok(match self.load(id, now).await? {
            None => SwapOutcome::Gone,
            // The server doesn't count a row that had these values before.
            Some(there) if Some(there.as_slice()) == expected => SwapOutcome::Done,
            Some(_) => SwapOutcome::Conflict,
        })
    }
}

fn millis(at: Timestamp) -> Value {
    Value::UInt(at.unix_millis())
}

fn end(ends: Option<Timestamp>) -> Value {
    Value::UInt(ends.map_or(LATEST, |ends| ends.unix_millis().min(LATEST)))
}

impl ForeignStore for MysqlRecords {
    async fn load(&self, id: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        let values = vec![id.into(), id.into(), millis(now)];
        Ok(self.connections.bytes(&self.statements.load, values).await?)
    }

    async fn create(&self, id: &str, record: &[u8], ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let values = || vec![id.into(), record.into(), end(ends)];
        if self.connections.insert(&self.statements.create, values()).await? {
            return Ok(true);
        }
        // An expired row makes room.
        let expired = vec![id.into(), id.into(), millis(now)];
        if self.connections.changed(&self.statements.make_room, expired).await? == 0 {
            return Ok(false);
        }
        Ok(self.connections.insert(&self.statements.create, values()).await?)
    }

    async fn replace(
        &self,
        id: &str,
        seen: &[u8],
        record: &[u8],
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<SwapOutcome, Error> {
        let values = vec![record.into(), end(ends), id.into(), id.into(), seen.into(), millis(now)];
        match self.connections.changed(&self.statements.replace, values).await? {
            0 => self.unchanged(id, (seen == record).then_some(seen), now).await,
            _ => Ok(SwapOutcome::Done),
        }
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let values = vec![end(ends), id.into(), id.into(), millis(now)];
        match self.connections.changed(&self.statements.touch, values).await? {
            0 => Ok(self.load(id, now).await?.is_some()),
            _ => Ok(true),
        }
    }

    async fn end(&self, id: &str) -> Result<bool, Error> {
        Ok(self.connections.changed(&self.statements.end, vec![id.into(), id.into()]).await? > 0)
    }

    async fn end_if(&self, id: &str, seen: &[u8], now: Timestamp) -> Result<SwapOutcome, Error> {
        let values = vec![id.into(), id.into(), seen.into(), millis(now)];
        match self.connections.changed(&self.statements.end_if, values).await? {
            0 => self.unchanged(id, None, now).await,
            _ => Ok(SwapOutcome::Done),
        }
    }
}

impl fmt::Debug for MysqlRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlRecords").field("connections", &self.connections).finish_non_exhaustive()
    }
}
