//! What can be wrong with a configuration.

use std::error::Error as StdError;
use std::fmt;

use cloakroom_session::ConfigError;

/// Why a configuration makes no sessions.
///
/// # Security
/// It names the option at fault, a variable or a file; never a secret, and never a URL.
#[derive(Debug)]
pub struct SetupError {
    option: String,
    source: Box<dyn StdError + Send + Sync + 'static>,
}

impl SetupError {
    pub(super) fn of(option: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync + 'static>>) -> Self {
        Self { option: option.into(), source: source.into() }
    }

    /// With the name of the table that the option is in.
    pub(super) fn within(table: &'static str) -> impl Fn(ConfigError) -> Self {
        move |error| Self::of(format!("{table}.{}", error.option()), error.problem())
    }

    /// Under another name: that of a variable.
    pub(super) fn renamed(self, option: impl FnOnce(&str) -> String) -> Self {
        Self { option: option(&self.option), source: self.source }
    }

    /// The option at fault, such as `cookie.name`, or the variable of the environment that it was
    /// read from.
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
        // What it says is said already; its own cause isn't.
        self.source.source()
    }
}
