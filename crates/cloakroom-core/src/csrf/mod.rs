//! The rules of CSRF protection: where a request comes from, and whether it knows the session's token.
//!
//! The rules are pure; reading headers and bodies is the adapters' part.

mod origin;
mod refusal;
mod rules;
mod token;

pub use origin::{Origin, OriginPattern};
pub use refusal::Refusal;
pub use rules::{CsrfRules, OwnOrigin, RequestFacts};
pub use token::{CsrfScheme, CsrfToken};

#[cfg(test)]
mod tests;
