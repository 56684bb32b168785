//! The rules of CSRF protection: checks of a request's origin and of its token.
//!
//! The rules are pure functions; adapters read headers and bodies.

mod builder;
mod decision;
mod facts;
mod origin;
mod refusal;
mod rules;
mod token;

pub use builder::CsrfRulesBuilder;
pub use decision::CsrfDecision;
pub use facts::{HeaderFact, RequestFacts};
pub use origin::{Origin, OriginPattern};
pub use refusal::Refusal;
pub use rules::{CsrfRules, TokenPolicy};
pub use token::{CsrfScheme, CsrfToken};

#[cfg(test)]
mod tests;
