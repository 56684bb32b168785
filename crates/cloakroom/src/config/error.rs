//! Errors in a configuration.

use std::error::Error as StdError;
use std::fmt;

use cloakroom_session::ConfigError;

/// An error in a configuration.
///
/// # Security
/// Names the option, variable or file at fault, and never contains a secret or a URL.
#[derive(Debug)]
pub struct SetupError {
    option: String,
    source: Box<dyn StdError + Send + Sync + 'static>,
}

impl SetupError {
    pub(crate) fn of(option: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync + 'static>>) -> Self {
        Self { option: option.into(), source: source.into() }
    }

    /// Adds the name of the option's table.
    pub(super) fn within(table: &'static str) -> impl Fn(ConfigError) -> Self {
        move |error| Self::of(format!("{table}.{}", error.option()), error.problem())
    }

    /// Replaces the name of the option, for example by that of a variable.
    pub(super) fn renamed(self, option: impl FnOnce(&str) -> String) -> Self {
        Self { option: option(&self.option), source: self.source }
    }

    /// Returns the option at fault, such as `cookie.name`.
    ///
    /// If the option was read from an environment variable, this is the name of the variable.
    #[must_use]
    pub fn option(&self) -> &str {
        &self.option
    }
}

impl From<ConfigError> for SetupError {
    fn from(error: ConfigError) -> Self {
        Self::of(error.option(), error.problem())
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.source)
    }
}

impl StdError for SetupError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // `Display` already contains the text of `self.source`, but not that of its cause.
        self.source.source()
    }
}
