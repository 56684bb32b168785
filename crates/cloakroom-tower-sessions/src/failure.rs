//! Errors of the Cloakroom session, for the error type of tower-sessions, which holds texts.

use std::error::Error as StdError;
use std::fmt;

use cloakroom_session::Error;

/// The error of a store operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Encode(String),
    Decode(String),
    Backend(String),
}

impl Failure {
    /// Describes an error with all its causes. Messages of Cloakroom contain no secret.
    pub(crate) fn new(error: &Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        match error {
            _ if error.is_decode() => Self::Decode(text),
            _ if error.is_encode() => Self::Encode(text),
            _ => Self::Backend(text),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(text) | Self::Decode(text) | Self::Backend(text) => f.write_str(text),
        }
    }
}
