//! Creating and upgrading the table.

use rusqlite::{Connection, TransactionBehavior};

use super::statements::Statements;

/// Creates or upgrades the table in one transaction.
pub(super) fn apply(connection: &mut Connection, statements: &Statements) -> rusqlite::Result<()> {
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if step.prepare(&statements.own.state)?.exists([])? {
        step.execute_batch(&statements.own.add_column)?;
    }
    step.execute_batch(&statements.own.schema)?;
    step.commit()
}
