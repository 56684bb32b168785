//! Creating and upgrading the table.

use cloakroom_store::StoreError;

use super::link::Link;
use super::{PostgresStore, Statements};
use crate::link::{Failure, TRIES};

/// Serializes migrations: two processes that create the same table at once would interfere.
const ALONE: &str = "SELECT pg_advisory_xact_lock(4846821973301);";

/// Selects whether the newest column exists, and the number of indexes minus those of an earlier
/// release.
///
/// The schema's own statements would lock a table that is already up to date, and wait for all its
/// readers.
pub(super) const STATE: &str = "SELECT \
    (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('{table}') AND attname = 'sweep_at'), \
    (SELECT count(*) FILTER (WHERE relname IN ('{name}_sweep', '{name}_created', '{name}_owned')) \
      - count(*) FILTER (WHERE relname IN ('{name}_deadline', '{name}_owner')) \
      FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = to_regclass('{table}') AND indisvalid)";

pub(super) async fn migrate(link: &Link, words: &Statements) -> Result<(), StoreError> {
    let schema = PostgresStore::schema(&words.table);
    let alone = format!("{ALONE}\n{schema}");
    let mut statements = &alone;
    for _ in 1..TRIES {
        if PostgresStore::pair(link, &words.state, &[]).await? == (1, 3) {
            return Ok(());
        }
        match link.migrate(statements).await {
            // Servers that speak PostgreSQL's protocol but lack such locks: CockroachDB,
            // YugabyteDB.
            Err(Failure::Refused(why)) if why.to_string().contains("advisory") => statements = &schema,
            // Another process was faster.
            Err(Failure::Taken | Failure::Undone(_)) => {}
            answer => return Ok(answer?),
        }
    }
    Ok(link.migrate(statements).await?)
}
