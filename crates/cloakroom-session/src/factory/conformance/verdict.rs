//! The outcome of one check. The conformance suite for stores uses it, too.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// The outcome of a check.
pub type Outcome = Result<(), Wrong>;

/// The reason for a failed check.
#[derive(Debug)]
pub struct Wrong(String);

impl Wrong {
    /// Creates a reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// Prefixes the message with the case.
    #[must_use]
    pub fn within(self, case: &str) -> Self {
        Self(format!("{case}: {}", self.0))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: StdError> From<E> for Wrong {
    fn from(error: E) -> Self {
        let mut why = format!("error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            why = format!("{why}: {cause}");
            source = cause.source();
        }
        Self(why)
    }
}

/// Compares two values.
///
/// # Errors
/// Returns the expected and the found value unless they are equal.
pub fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(Wrong(format!("{what}: expected {}, found {}", short(expected), short(found))))
}

/// Checks a condition.
///
/// # Errors
/// Returns `what` unless the condition holds.
pub fn ensure(holds: bool, what: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(Wrong(what.into())) }
}

/// Formats a value, shortened: printing a mebibyte of text is of no use.
fn short(value: &impl fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    if let Some((end, _)) = text.char_indices().nth(400) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Runs one check in a separate task, and returns the reason if it fails.
///
/// A check that panics, or that doesn't finish within `patience`, fails alone.
pub async fn failure_of(patience: Duration, check: impl Future<Output = Outcome> + Send + 'static) -> Option<String> {
    match tokio::spawn(tokio::time::timeout(patience, check)).await {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(why))) => Some(why.to_string()),
        Ok(Err(_)) => Some(format!("didn't finish in {patience:?}")),
        Err(error) => Some(format!("panicked: {error}")),
    }
}
