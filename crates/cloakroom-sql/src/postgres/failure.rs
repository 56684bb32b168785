//! The failures that errors of a PostgreSQL server, or of its driver, mean.

use cloakroom_store::store::StoreError;

use crate::query::{Failure, Unprepared};

/// Prefers the server's message: the driver's own text is only "db error".
#[cfg(feature = "postgres")]
pub(super) fn to_failure(why: tokio_postgres::Error) -> Failure {
    match why.as_db_error() {
        Some(told) => classify(told.code().code(), told.message()),
        None => Failure::because(why),
    }
}

/// Classifies an SQLSTATE code (five characters).
pub(crate) fn classify(code: &str, message: &str) -> Failure {
    let told = StoreError::unavailable(format!("{message} ({code})"));
    match code {
        // A serialization failure and a deadlock.
        "40001" | "40P01" => Failure::Undone(told),
        // `statement_timeout`, or a request to cancel.
        "57014" => Failure::TooSlow(told),
        "23505" => Failure::Taken,
        // A missing table and a missing column.
        "42P01" | "42703" => Failure::Missing(format!("{message} ({code})")),
        "0A000" if message.contains("cached plan") => Failure::Unprepared(Unprepared::Outdated, told),
        "26000" => Failure::Unprepared(Unprepared::Forgotten, pooled(code, message)),
        // A statement that was bound with a wrong number of values, or with values of other types.
        "42P05" | "08P01" | "22P03" => Failure::Unprepared(Unprepared::Mixed, pooled(code, message)),
        _ => Failure::Refused(told),
    }
}

/// Builds the error for prepared statements that the server forgot or confused. Only a pooler, or
/// another user of the same connections, can cause that.
fn pooled(code: &str, message: &str) -> StoreError {
    StoreError::unavailable(format!(
        "{message} ({code}): a pooler in transaction mode is in between; `prepared=false` in the URL sends statements whole, \
         and PgBouncer keeps them from version 1.21 on, with `max_prepared_statements`"
    ))
}
