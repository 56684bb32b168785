//! The failures that errors of a MySQL or MariaDB server, or of its driver, mean.

use cloakroom_store::store::StoreError;
#[cfg(feature = "mysql")]
use mysql_async::{DriverError, Error};

use crate::query::Failure;

#[cfg(feature = "mysql")]
pub(super) fn to_failure(why: Error) -> Failure {
    match why {
        Error::Server(told) => classify(told.code, &told.message),
        Error::Driver(DriverError::PacketTooLarge) => too_large(),
        // The driver's codec detects this before anything is sent.
        Error::Io(why) if why.to_string().contains("larger than max_allowed_packet") => too_large(),
        why @ (Error::Driver(_) | Error::Io(_) | Error::Other(_) | Error::Url(_)) => Failure::because(why),
    }
}

/// Classifies an error number of the server.
pub(crate) fn classify(number: u16, message: &str) -> Failure {
    let told = StoreError::unavailable(format!("{message} ({number})"));
    match number {
        // A deadlock, or a row that changed between being read and being locked.
        1213 | 1020 => Failure::Undone(told),
        // `max_statement_time` of MariaDB, `max_execution_time` of MySQL.
        1969 | 3024 => Failure::TooSlow(told),
        1062 => Failure::Taken,
        // A missing table and a missing column.
        1146 | 1054 => Failure::Missing(format!("{message} ({number})")),
        1153 => too_large(),
        _ => Failure::Refused(told),
    }
}

fn too_large() -> Failure {
    Failure::because("the record is larger than the server's `max_allowed_packet`")
}
