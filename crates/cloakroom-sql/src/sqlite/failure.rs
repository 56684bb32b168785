//! The failures that errors of SQLite mean.

use crate::query::Failure;

#[cfg(feature = "sqlite")]
pub(super) fn to_failure(error: rusqlite::Error) -> Failure {
    match error.sqlite_error() {
        Some(told) => classify(told.extended_code, &error.to_string()),
        None => Failure::because(error),
    }
}

/// Classifies an extended result code of SQLite.
pub(crate) fn classify(code: i32, message: &str) -> Failure {
    match code {
        // SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE.
        1555 | 2067 => Failure::Taken,
        _ if message.starts_with("no such table") => Failure::Missing(message.to_owned()),
        _ if message.contains("no such column") || message.contains("has no column") => {
            Failure::Missing(message.to_owned())
        }
        _ => Failure::because(message),
    }
}
