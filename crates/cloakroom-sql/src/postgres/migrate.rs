//! How the table comes to be there.

use cloakroom_store::StoreError;

use super::link::Link;
use super::{PostgresStore, Statements};
use crate::link::{Failure, TRIES};

/// One process at a time: two that create the same table at once would get in each other's way.
const ALONE: &str = "SELECT pg_advisory_xact_lock(4846821973301);";

/// Whether the column that came last is there; and how many of the indexes, less those of an
/// earlier release.
///
/// The schema's own statements would lock a table that is as it should be, and wait for all who
/// read it.
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
            // Servers that speak PostgreSQL's language and have no such locks: CockroachDB,
            // YugabyteDB.
            Err(Failure::Refused(why)) if why.to_string().contains("advisory") => statements = &schema,
            // Another process was faster.
            Err(Failure::Taken | Failure::Undone(_)) => {}
            answer => return Ok(answer?),
        }
    }
    Ok(link.migrate(statements).await?)
}
