//! Redis errors, without the session data that they quote.

use std::error::Error;
use std::fmt;

use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// The reason why a Redis call failed.
///
/// # Security
/// A server repeats arguments in its errors, and the client repeats values: both can contain a
/// record. Therefore only the code of such an error is kept, and the text only for a broken
/// connection, a failed login or a missing permission.
#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}

/// Creates an error from a sentence of this crate.
pub(crate) fn failed(why: impl Into<String>) -> StoreError {
    StoreError::unavailable(Failure(why.into()))
}

/// Creates an error for a reply in a shape that our scripts don't return.
pub(crate) fn unexpected() -> StoreError {
    failed("redis sent a reply of an unexpected type")
}

/// Converts an error of a call about this key.
pub(crate) fn of_call(error: &RedisError, key: Option<&StoreKey>) -> StoreError {
    match key {
        Some(key) if is_wrong_type(error) => StoreError::corrupt(*key),
        _ => of(error),
    }
}

/// Converts an error of connecting, or of a call about no key.
pub(crate) fn of(error: &RedisError) -> StoreError {
    if error.is_timeout() {
        return StoreError::timed_out();
    }
    if error.is_io_error() {
        return failed(format!("no connection to redis: {error}"));
    }
    match (error.code(), harmless(error)) {
        // The server's own text is about `HELLO`.
        (Some("NOAUTH"), _) => failed("redis answered NOAUTH: it wants a password, and the URL has none"),
        (Some("ERR"), _) if error.detail().is_some_and(|text| text.starts_with("unknown command 'WAITAOF'")) => {
            let text =
                "written, but not confirmed: the server has no WAITAOF, which `durability=aof` needs (Redis 7.2)";
            StoreError::unconfirmed(text)
        }
        (Some(code), Some(text)) => failed(format!("redis answered {code} {text}")),
        (Some(code), None) => failed(format!("redis answered {code}")),
        (None, Some(text)) => failed(format!("redis: {text}")),
        (None, None) => failed(format!("redis: {}", error.category())),
    }
}

/// Returns the text of an error if it contains nothing of a record.
fn harmless(error: &RedisError) -> Option<&str> {
    let text = error.detail()?;
    let text = text.strip_prefix("ACL failure in script: ").unwrap_or(text);
    // The rest names a script.
    let text = text.split(" script: ").next()?;
    // Texts of the server that contain no arguments.
    let whole = [
        "DB index is out of range",
        "invalid username-password pair",
        "WRONGPASS invalid username-password pair",
        "WAITAOF cannot be used",
        // Redis 7.0, about a command in a script.
        "The user executing the script can't ",
    ];
    let is_whole = whole.iter().any(|words| text.starts_with(words));
    // For example `User app has no permissions to run the 'time' command`.
    let (_, command) = text.split_once("permissions to run the '").unwrap_or_default();
    let is_right = command.split_once("' command").is_some_and(|(name, rest)| {
        rest.len() < 40 && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"|-_".contains(&byte))
    });
    (is_whole || is_right).then_some(text)
}

/// Returns whether it is a wrong-type error. Redis before 7 wraps the error of a command in that of
/// its script.
fn is_wrong_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE") || error.detail().is_some_and(|detail| detail.contains("WRONGTYPE"))
}

/// Returns whether the server isn't the master, or isn't ready yet.
pub(crate) fn takes_no_writes(error: &RedisError) -> bool {
    let refused = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::BusyLoading];
    refused.iter().any(|kind| error.kind() == ErrorKind::Server(*kind))
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, RedisError};

    use super::of;

    #[test]
    fn errors_contain_no_values_or_arguments() {
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

    #[test]
    fn missing_permissions_and_logins_are_named() {
        let told = |code: &str, text: &str| {
            of(&redis::make_extension_error(code.to_owned(), Some(text.to_owned()))).to_string()
        };
        for (code, text, expected) in [
            ("NOPERM", "User app has no permissions to run the 'set' command", "run the 'set' command"),
            ("NOPERM", "User app has no permissions to access the 'o:ann' key", "redis answered NOPERM"),
            ("NOAUTH", "HELLO must be called with …", "it wants a password"),
            ("WRONGPASS", "invalid username-password pair or user is disabled.", "user is disabled"),
            ("ERR", "DB index is out of range", "DB index is out of range"),
            (
                "ERR",
                "ACL failure in script: User app has no permissions to run the 'time' command script: 1f, on @user_script:1",
                "run the 'time' command",
            ),
            (
                "ERR",
                "The user executing the script can't run this command or subcommand script: 1f, on @user_script:1.",
                "can't run this command",
            ),
            ("ERR", "syntax error near 'ann'", "redis answered ERR"),
        ] {
            let error = told(code, text);
            assert!(error.contains(expected) && !error.contains("ann") && !error.contains("1f"), "{text}: {error}");
        }
    }
}
