//! The responses that take the place of a handler's.

use std::borrow::Cow;

use cloakroom_core::Refusal;

use crate::error::Error;

/// A response of a few words, in plain text, that no cache may keep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub words: Cow<'static, str>,
    /// For `Retry-After`, in seconds.
    pub retry_after: Option<u16>,
}

impl Answer {
    /// An answer with these words.
    #[must_use]
    pub fn new(status: u16, words: impl Into<Cow<'static, str>>) -> Self {
        Self { status, words: words.into(), retry_after: None }
    }

    /// For an error: its status in the status' own words, for what the error says isn't for the
    /// client.
    #[must_use]
    pub fn sorry(error: &Error) -> Self {
        let status = error.status();
        let words = match status {
            409 => "Conflict",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        };
        Self { retry_after: error.retry_after(), ..Self::new(status, words) }
    }

    /// For a request that the CSRF check refuses: why, in words for developers.
    #[must_use]
    pub fn refusing(refusal: Refusal) -> Self {
        Self::new(refusal.status(), format!("CSRF check failed: {refusal}\n"))
    }

    /// Its headers: names in lower case, and values.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> + use<> {
        let retry_after = self.retry_after.map(|seconds| ("retry-after", seconds.to_string().into()));
        [("content-type", "text/plain; charset=utf-8".into()), ("cache-control", "no-store".into())]
            .into_iter()
            .chain(retry_after)
    }
}
