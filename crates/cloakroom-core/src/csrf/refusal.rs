//! Why a request was refused, in words that a developer can act on.

use std::fmt;

/// Why a request failed the CSRF checks.
///
/// Its `Display` says what was wrong and what to do about it; it quotes nothing that the request sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// `Sec-Fetch-Site` says another site, or another origin of this site, and its origin isn't trusted.
    CrossSite,
    /// `Origin` (or `Referer`) names an origin that is neither ours nor trusted.
    ForeignOrigin,
    /// `Origin` is `null`: a sandboxed frame, a `data:` page, or a redirect across origins.
    NullOrigin,
    /// The request says nothing about where it comes from.
    NoOrigin,
    /// There is a session or a token cookie, but the request brought no token.
    TokenMissing,
    /// There is no session (or token cookie) that a token could belong to.
    NothingToMatch,
    /// The token isn't the session's.
    TokenMismatch,
    /// No token was found in as much of the body as may be read.
    BodyTooLarge,
    /// The body broke off or isn't what its content type says.
    BodyUnreadable,
}

impl Refusal {
    /// A short name, for metrics and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CrossSite => "cross-site",
            Self::ForeignOrigin => "foreign-origin",
            Self::NullOrigin => "null-origin",
            Self::NoOrigin => "no-origin",
            Self::TokenMissing => "token-missing",
            Self::NothingToMatch => "nothing-to-match",
            Self::TokenMismatch => "token-mismatch",
            Self::BodyTooLarge => "body-too-large",
            Self::BodyUnreadable => "body-unreadable",
        }
    }
}

impl Refusal {
    /// The status of the response: 403, or 413 and 400 where the body is at fault.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::BodyUnreadable => 400,
            Self::CrossSite
            | Self::ForeignOrigin
            | Self::NullOrigin
            | Self::NoOrigin
            | Self::TokenMissing
            | Self::NothingToMatch
            | Self::TokenMismatch => 403,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CrossSite => {
                "the browser says that another site sent this request (Sec-Fetch-Site); trust its origin if that is meant to be"
            }
            Self::ForeignOrigin => {
                "the request comes from another origin (Origin or Referer); trust it, or configure this application's own origin"
            }
            Self::NullOrigin => "the request hides its origin (Origin: null), as sandboxed and redirected ones do",
            Self::NoOrigin => {
                "the request has no Sec-Fetch-Site, Origin or Referer header; allow that with danger_allow_no_origin if clients aren't browsers"
            }
            Self::TokenMissing => "the request brought no CSRF token, neither in the header nor in the form",
            Self::NothingToMatch => "there is no session that a CSRF token could belong to; was its cookie lost or has it expired?",
            Self::TokenMismatch => "the CSRF token isn't the session's; was the form made in an earlier session?",
            Self::BodyTooLarge => "no CSRF token was found in the part of the form that may be read; send it in the header or as the first field",
            Self::BodyUnreadable => "the form could not be read",
        })
    }
}

impl std::error::Error for Refusal {}
