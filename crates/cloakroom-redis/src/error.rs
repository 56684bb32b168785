//! What Redis says, without what it says about sessions.

use std::error::Error;
use std::fmt;

use cloakroom_session::StoreKey;
use cloakroom_store::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why Redis didn't do what it was asked.
///
/// A server repeats arguments in its errors, and the client repeats values: both can be a record. So only the code of
/// such an error goes on; of a broken connection also its text.
#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}

/// A sentence of our own.
pub(crate) fn failed(why: impl Into<String>) -> StoreError {
    StoreError::unavailable(Failure(why.into()))
}

/// An answer in a shape that our scripts don't give.
pub(crate) fn unexpected() -> StoreError {
    failed("redis gave an answer of an unexpected kind")
}

/// An error of a call about this key.
pub(crate) fn of_call(error: &RedisError, key: Option<&StoreKey>) -> StoreError {
    match key {
        Some(key) if is_wrong_type(error) => StoreError::corrupt(*key),
        _ => of(error),
    }
}

/// An error of connecting, or of a call about no key.
pub(crate) fn of(error: &RedisError) -> StoreError {
    if error.is_timeout() {
        return StoreError::timed_out();
    }
    if error.is_io_error() {
        return failed(format!("no connection to redis: {error}"));
    }
    match error.code() {
        Some(code) => failed(format!("redis answered {code}")),
        None => failed(format!("redis: {}", error.category())),
    }
}

/// Redis before 7 wraps the error of a command in that of the script around it.
fn is_wrong_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE") || error.detail().is_some_and(|detail| detail.contains("WRONGTYPE"))
}

/// Whether this is what a server says that isn't the master, or isn't ready to be.
pub(crate) fn takes_no_writes(error: &RedisError) -> bool {
    let refused = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::BusyLoading];
    refused.iter().any(|kind| error.kind() == ErrorKind::Server(*kind))
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, RedisError};

    use super::of;

    #[test]
    fn values_and_arguments_stay_here() {
        let secret = "record of somebody".to_owned();
        for (row, error) in [
            ("a value", RedisError::from((ErrorKind::UnexpectedReturnType, "not a number", secret.clone()))),
            ("arguments", redis::make_extension_error("ERR".to_owned(), Some(secret.clone()))),
            ("a password", RedisError::from((ErrorKind::AuthenticationFailed, "refused", secret))),
        ] {
            let error = of(&error);
            assert!(!format!("{error} {error:?}").contains("record of"), "{row}: {error:?}");
        }
    }
}
