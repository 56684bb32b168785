//! The reasons for refusing a request, with a remedy for developers.

use std::fmt;

/// The reason why a request failed the CSRF check.
///
/// Its `Display` states the cause and a remedy, and never quotes the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// `Sec-Fetch-Site` names another site, or another origin of this site, and its origin isn't
    /// trusted.
    CrossSite,
    /// `Origin` (or `Referer`) is neither ours nor trusted.
    ForeignOrigin,
    /// `Origin` is `null`, because of `Referrer-Policy: no-referrer`, a sandboxed frame, or a
    /// redirect.
    NullOrigin,
    /// The request has none of the headers that browsers send: `Sec-Fetch-Site`, `Origin`,
    /// `Referer`.
    NoOrigin,
    /// `Sec-Fetch-Site` has a value that no current browser sends, and there is no `Origin` or
    /// `Referer`.
    UnknownSite,
    /// `Host`, `Origin`, `Referer` or `Sec-Fetch-Site` occurs twice or isn't text, and no other
    /// header decides.
    MalformedHeaders,
    /// There is a session or a token cookie, but the request has no token.
    TokenMissing,
    /// There is no session (or token cookie) to compare a token with.
    NothingToMatch,
    /// The token isn't that of the session.
    TokenMismatch,
    /// No token was found in the readable part of the body.
    BodyTooLarge,
    /// The body was cut off, or doesn't match its content type.
    BodyUnreadable,
    /// The check was impossible: there is no session layer, or its store didn't answer. Only
    /// reported.
    Unavailable,
}

impl Refusal {
    /// All reasons, in the order of the check.
    pub const ALL: &'static [Self] = &[
        Self::CrossSite,
        Self::ForeignOrigin,
        Self::NullOrigin,
        Self::NoOrigin,
        Self::UnknownSite,
        Self::MalformedHeaders,
        Self::TokenMissing,
        Self::NothingToMatch,
        Self::TokenMismatch,
        Self::BodyTooLarge,
        Self::BodyUnreadable,
        Self::Unavailable,
    ];

    /// Returns a short name, for metrics and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CrossSite => "cross-site",
            Self::ForeignOrigin => "foreign-origin",
            Self::NullOrigin => "null-origin",
            Self::NoOrigin => "no-origin",
            Self::UnknownSite => "unknown-site",
            Self::MalformedHeaders => "malformed-headers",
            Self::TokenMissing => "token-missing",
            Self::NothingToMatch => "nothing-to-match",
            Self::TokenMismatch => "token-mismatch",
            Self::BodyTooLarge => "body-too-large",
            Self::BodyUnreadable => "body-unreadable",
            Self::Unavailable => "unavailable",
        }
    }

    /// Returns the status of the response.
    ///
    /// It is 403 in general, 413 or 400 if the body is at fault, and 503 if the check was
    /// impossible.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::BodyUnreadable => 400,
            Self::Unavailable => 503,
            Self::CrossSite
            | Self::ForeignOrigin
            | Self::NullOrigin
            | Self::NoOrigin
            | Self::UnknownSite
            | Self::MalformedHeaders
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
                "another site sent this request, according to the browser (Sec-Fetch-Site); trust its origin if that is intended"
            }
            Self::ForeignOrigin => {
                "the request comes from another origin (Origin or Referer); trust it, or configure this application's own origin"
            }
            Self::NullOrigin => {
                "the request hides its origin (Origin: null); a page of ours does so under Referrer-Policy: no-referrer \
                 (use same-origin or strict-origin), others in a sandboxed frame or after a redirect across origins"
            }
            Self::NoOrigin => {
                "the request has no Sec-Fetch-Site, Origin or Referer header; a test or a program sends \
                 \"Sec-Fetch-Site: same-origin\", or its own Origin; a route for callers with credentials of their own can be exempt"
            }
            Self::UnknownSite => {
                "the request's Sec-Fetch-Site has an unknown value, and no Origin or Referer header decides; \
                 the values are same-origin, none, same-site and cross-site, in lower case"
            }
            Self::MalformedHeaders => {
                "a Sec-Fetch-Site, Origin, Referer or Host header came twice or isn't text; \
                 a proxy in between should replace the header instead of adding another one"
            }
            Self::TokenMissing => "the request brought no CSRF token, neither in the header nor in the form",
            Self::NothingToMatch => "there is no session that a CSRF token could belong to; was its cookie lost or has it expired?",
            Self::TokenMismatch => "the CSRF token isn't the session's; was the form made in an earlier session?",
            Self::BodyTooLarge => "no CSRF token was found in the part of the form that may be read; send it in the header or as the first field",
            Self::BodyUnreadable => "the form could not be read",
            Self::Unavailable => "the CSRF token could not be compared: no session layer is installed, or its store didn't answer",
        })
    }
}

impl std::error::Error for Refusal {}
