//! The responses that replace a handler's response.

use std::borrow::Cow;

use cloakroom_core::Refusal;

use crate::error::Error;

/// A short plain-text response that no cache may store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlainResponse {
    /// The status.
    pub status: u16,
    /// The body.
    pub words: Cow<'static, str>,
    /// The value of `Retry-After`, in seconds.
    pub retry_after: Option<u16>,
    /// The value of `Location`, a path and query.
    pub location: Option<String>,
}

impl PlainResponse {
    /// Creates a response with this status and body.
    #[must_use]
    pub fn new(status: u16, words: impl Into<Cow<'static, str>>) -> Self {
        Self { status, words: words.into(), retry_after: None, location: None }
    }

    /// Creates the response for an error.
    ///
    /// Its body is the reason phrase, because the message isn't for the client.
    #[must_use]
    pub fn for_error(error: &Error) -> Self {
        let status = error.status();
        let words = match status {
            307 => "Temporary Redirect",
            403 => "Forbidden",
            409 => "Conflict",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        };
        let location = error.location().map(str::to_owned);
        Self { retry_after: error.retry_after(), location, ..Self::new(status, words) }
    }

    /// Creates the response for an error that a handler or an extractor returned, and traces it.
    ///
    /// A missing sign-in or proof isn't a fault: it is traced at the level `DEBUG`, other errors at
    /// `ERROR`.
    #[must_use]
    pub fn report(error: &Error) -> Self {
        if error.is_signed_out() || error.is_not_recent() || error.is_unproven() {
            tracing::debug!(%error, "request needs a sign-in or a proof");
        } else {
            tracing::error!(error = error as &dyn std::error::Error, "session error");
        }
        Self::for_error(error)
    }

    /// Creates the response for a request that the CSRF check refused.
    ///
    /// Its body has the reason, for developers.
    #[must_use]
    pub fn for_refusal(refusal: Refusal) -> Self {
        Self::new(refusal.status(), format!("CSRF check failed: {refusal}\n"))
    }

    /// Returns its headers, with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> + use<> {
        let retry_after = self.retry_after.map(|seconds| ("retry-after", seconds.to_string().into()));
        let location = self.location.clone().map(|target| ("location", target.into()));
        [("content-type", "text/plain; charset=utf-8".into()), ("cache-control", "no-store".into())]
            .into_iter()
            .chain(retry_after)
            .chain(location)
    }
}
