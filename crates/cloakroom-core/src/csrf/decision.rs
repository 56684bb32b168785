//! The outcome of a request's CSRF check.

use super::refusal::Refusal;

/// The outcome of a request's CSRF check.
///
/// [`CsrfRules::decide`](super::CsrfRules::decide) returns one of the first four, from the
/// request's head alone. Comparing the token turns `TokenNeeded` into `Passed` or `Refused`, and
/// report-only rules turn `Refused` into `Reported`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter must know what to do with each")]
pub enum CsrfDecision {
    /// The request isn't covered: its method is safe, or its route is exempt.
    Unchecked,
    /// The request passed all checks.
    Passed,
    /// The origin is accepted. The token must be compared before the handler may run.
    TokenNeeded,
    /// The request must not reach the handler.
    Refused(Refusal),
    /// The check failed, but the request continues in report-only mode.
    Reported(Refusal),
}

impl CsrfDecision {
    /// Returns the reason, if the request must not reach its handler.
    #[must_use]
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unchecked | Self::Passed | Self::TokenNeeded | Self::Reported(_) => None,
        }
    }

    /// Converts the result of a check to `Passed` or `Refused`.
    #[must_use]
    pub const fn of(outcome: Result<(), Refusal>) -> Self {
        match outcome {
            Ok(()) => Self::Passed,
            Err(refusal) => Self::Refused(refusal),
        }
    }
}
