//! Records in PostgreSQL, as Django and `connect-pg-simple` keep them.

use std::fmt;
use std::sync::Arc;

use cloakroom_session::{Error, Timestamp};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};

use super::table::{Table, quoted};
use crate::shared::{ForeignStore, Swap};

/// How many connections there are at most, unless the application brings its own pool.
const CONNECTIONS: usize = 16;

/// For sessions without an end, in a column that wants one: the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// Records of Django or Express in a PostgreSQL database: the tables `django_session`, and `session` of `connect-pg-simple`.
///
/// A replacement compares and writes in one statement. Expired rows are deleted by the framework: `manage.py clearsessions`, or
/// the pruning of `connect-pg-simple`. Clones share the pool.
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
    pool: Pool,
    table: Table,
    statements: Arc<Statements>,
}

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
        let Table { name, id, text, cast, ends, after } = table;
        let live = |now: &str| format!("{ends} {after} to_timestamp({now})");
        // How many were changed, and whether there is such a record at all.
        let swap = |change: String, now: &str| {
            let there = format!("EXISTS (SELECT 1 FROM {name} WHERE {id} = $1 AND {})", live(now));
            format!("WITH changed AS ({change} RETURNING 1) SELECT (SELECT count(*) FROM changed), {there}")
        };
        Self {
            load: format!("SELECT {text}::text FROM {name} WHERE {id} = $1 AND {}", live("$2")),
            // A row that is over makes room.
            create: format!(
                "INSERT INTO {name} ({id}, {text}, {ends}) VALUES ($1, $2::text{cast}, to_timestamp($3)) \
                 ON CONFLICT ({id}) DO UPDATE SET {text} = EXCLUDED.{text}, {ends} = EXCLUDED.{ends} \
                 WHERE NOT ({name}.{})",
                live("$4")
            ),
            replace: swap(
                format!(
                    "UPDATE {name} SET {text} = $3::text{cast}, {ends} = to_timestamp($4) \
                     WHERE {id} = $1 AND {text}::text = $2 AND {}",
                    live("$5")
                ),
                "$5",
            ),
            touch: format!("UPDATE {name} SET {ends} = to_timestamp($2) WHERE {id} = $1 AND {}", live("$3")),
            end: format!("DELETE FROM {name} WHERE {id} = $1"),
            end_if: swap(format!("DELETE FROM {name} WHERE {id} = $1 AND {text}::text = $2 AND {}", live("$3")), "$3"),
        }
    }
}

impl PostgresRecords {
    /// Django's table, behind a URL, with at most 16 connections that aren't encrypted. Each is made when it is first needed.
    ///
    /// # Errors
    /// A URL that doesn't make sense; the error doesn't repeat it.
    pub fn django(url: &str) -> Result<Self, Error> {
        pool(url).map(Self::django_from_pool)
    }

    /// The table of `connect-pg-simple`, in the same way.
    ///
    /// # Errors
    /// A URL that doesn't make sense; the error doesn't repeat it.
    pub fn express(url: &str) -> Result<Self, Error> {
        pool(url).map(Self::express_from_pool)
    }

    /// Django's table, on a pool that the application has.
    #[must_use]
    pub fn django_from_pool(pool: Pool) -> Self {
        Self::of(pool, Table::django())
    }

    /// The table of `connect-pg-simple`, on a pool that the application has.
    #[must_use]
    pub fn express_from_pool(pool: Pool) -> Self {
        Self::of(pool, Table::express())
    }

    fn of(pool: Pool, table: Table) -> Self {
        let statements = Arc::new(Statements::of(&table));
        Self { pool, table, statements }
    }

    /// Another name for the table, with the same columns: the `schemaName` and `tableName` of `connect-pg-simple`.
    #[must_use]
    pub fn table(self, schema: &str, table: &str) -> Self {
        let name = format!("{}.{}", quoted(schema), quoted(table));
        Self::of(self.pool, Table { name, ..self.table })
    }

    async fn rows(&self, text: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let client = self.client().await?;
        let statement = client.prepare_cached(text).await.map_err(told)?;
        client.query(&statement, values).await.map_err(told)
    }

    async fn changed(&self, text: &str, values: &[&(dyn ToSql + Sync)]) -> Result<bool, Error> {
        let client = self.client().await?;
        let statement = client.prepare_cached(text).await.map_err(told)?;
        client.execute(&statement, values).await.map(|changed| changed > 0).map_err(told)
    }

    async fn swap(&self, text: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Swap, Error> {
        let rows = self.rows(text, values).await?;
        let row = rows.first().ok_or_else(|| Error::unavailable("an answer without a row"))?;
        let changed: i64 = row.try_get(0).map_err(Error::unavailable)?;
        let there: bool = row.try_get(1).map_err(Error::unavailable)?;
        Ok(match (changed, there) {
            (1.., _) => Swap::Done,
            (_, true) => Swap::Conflict,
            (_, false) => Swap::Gone,
        })
    }

    async fn client(&self) -> Result<Object, Error> {
        let client = self.pool.get().await;
        client.map_err(|why| if let PoolError::Backend(why) = why { told(why) } else { Error::unavailable(why) })
    }
}

fn pool(url: &str) -> Result<Pool, Error> {
    let config: tokio_postgres::Config = url.parse().map_err(Error::unavailable)?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, NoTls, recycling);
    Pool::builder(manager).max_size(CONNECTIONS).build().map_err(Error::unavailable)
}

/// What the server said, where it said something: the driver's own words are only "db error".
fn told(why: tokio_postgres::Error) -> Error {
    match why.as_db_error() {
        Some(told) => Error::unavailable(format!("{} ({})", told.message(), told.code().code())),
        None => Error::unavailable(why),
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of our time have far fewer digits than a float keeps")]
fn seconds(at: Timestamp) -> f64 {
    at.unix_millis() as f64 / 1000.0
}

fn end(ends: Option<Timestamp>) -> f64 {
    ends.map_or(LATEST, |ends| seconds(ends).min(LATEST))
}

impl ForeignStore for PostgresRecords {
    async fn load(&self, id: &str, now: Timestamp) -> Result<Option<String>, Error> {
        let rows = self.rows(&self.statements.load, &[&id, &seconds(now)]).await?;
        rows.first().map(|row| row.try_get(0).map_err(Error::unavailable)).transpose()
    }

    async fn create(&self, id: &str, text: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        self.changed(&self.statements.create, &[&id, &text, &end(ends), &seconds(now)]).await
    }

    async fn replace(
        &self,
        id: &str,
        seen: &str,
        text: &str,
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Swap, Error> {
        self.swap(&self.statements.replace, &[&id, &seen, &text, &end(ends), &seconds(now)]).await
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        self.changed(&self.statements.touch, &[&id, &end(ends), &seconds(now)]).await
    }

    async fn end(&self, id: &str) -> Result<bool, Error> {
        self.changed(&self.statements.end, &[&id]).await
    }

    async fn end_if(&self, id: &str, seen: &str, now: Timestamp) -> Result<Swap, Error> {
        self.swap(&self.statements.end_if, &[&id, &seen, &seconds(now)]).await
    }
}

impl fmt::Debug for PostgresRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own would print how to connect.
        f.debug_struct("PostgresRecords").field("connections", &self.pool.status().size).finish_non_exhaustive()
    }
}
