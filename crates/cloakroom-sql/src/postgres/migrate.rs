//! How the table comes to be there.

use cloakroom_store::StoreError;

use super::link::Link;
use super::{PostgresStore, SCHEMA};
use crate::link::{Failure, TRIES};

/// One process at a time: two that create the same table at once would get in each other's way.
const ALONE: &str = "SELECT pg_advisory_xact_lock(4846821973301);";

/// Whether the column that came last is there; and how many of the indexes, less those of an earlier release.
///
/// The schema's own statements would lock a table that is as it should be, and wait for all who read it.
const STATE: &str = "SELECT \
    (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('cloakroom_sessions') AND attname = 'sweep_at'), \
    (SELECT count(*) FILTER (WHERE relname IN ('cloakroom_sessions_sweep', 'cloakroom_sessions_owner')) \
      - count(*) FILTER (WHERE relname = 'cloakroom_sessions_deadline') \
      FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = to_regclass('cloakroom_sessions') AND indisvalid)";

pub(super) async fn migrate(link: &Link) -> Result<(), StoreError> {
    let alone = format!("{ALONE}\n{SCHEMA}");
    let mut schema = alone.as_str();
    for _ in 1..TRIES {
        if PostgresStore::pair(link, STATE, &[]).await? == (1, 2) {
            return Ok(());
        }
        match link.migrate(schema).await {
            // Servers that speak PostgreSQL's language and have no such locks: CockroachDB, YugabyteDB.
            Err(Failure::Refused(why)) if why.to_string().contains("advisory") => schema = SCHEMA,
            // Another process was faster.
            Err(Failure::Taken | Failure::Undone(_)) => {}
            answer => return Ok(answer?),
        }
    }
    Ok(link.migrate(schema).await?)
}
