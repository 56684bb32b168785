//! Creating and upgrading the table.

use cloakroom_store::store::StoreError;

use super::connections::Connections;
use super::statements::{QUOTE, SCHEMA, Statements};
use crate::query::{Failure, TRIES};

/// Serializes migrations: two processes that create the same table at once would interfere.
const ALONE: &str = "SELECT pg_advisory_xact_lock(4846821973301);";

pub(super) async fn migrate(connections: &Connections, statements: &Statements) -> Result<(), StoreError> {
    let schema = statements.table.compose(SCHEMA, QUOTE).to_string();
    let alone = format!("{ALONE}\n{schema}");
    let mut script = &alone;
    for _ in 1..TRIES {
        if connections.pair(&statements.own.state, &[]).await? == (1, 3) {
            return Ok(());
        }
        match connections.migrate(script).await {
            // Servers that speak PostgreSQL's protocol but lack such locks: CockroachDB,
            // YugabyteDB.
            Err(Failure::Refused(why)) if why.to_string().contains("advisory") => script = &schema,
            // Another process was faster.
            Err(Failure::Taken | Failure::Undone(_)) => {}
            answer => return Ok(answer?),
        }
    }
    Ok(connections.migrate(script).await?)
}
