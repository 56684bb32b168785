//! The outcome of the check, from the first look at a request to what its handler is told.

use super::refusal::Refusal;

/// The state of a request's CSRF check.
///
/// [`CsrfRules::decide`](super::CsrfRules::decide) makes the first four from the head alone; the
/// token turns `TokenNeeded` into `Passed` or `Refused`; report-only rules turn `Refused` into
/// `Reported`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter must know what to do with each")]
pub enum CsrfDecision {
    /// Not covered by the check: a safe method, or an exempt route.
    Unchecked,
    /// Passed everything that the rules ask for.
    Passed,
    /// The origin is good, and the token must be compared before the handler may run.
    TokenNeeded,
    /// Must not reach the handler.
    Refused(Refusal),
    /// Failed, and goes on because the rules only report.
    Reported(Refusal),
}

impl CsrfDecision {
    /// The reason, if the request must not reach its handler.
    #[must_use]
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unchecked | Self::Passed | Self::TokenNeeded | Self::Reported(_) => None,
        }
    }

    /// Passes, or refuses for this reason.
    #[must_use]
    pub const fn of(outcome: Result<(), Refusal>) -> Self {
        match outcome {
            Ok(()) => Self::Passed,
            Err(refusal) => Self::Refused(refusal),
        }
    }
}
