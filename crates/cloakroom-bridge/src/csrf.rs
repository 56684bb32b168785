//! CSRF tokens of frameworks that know no mask.

use cloakroom_session::{CsrfScheme, CsrfToken};

/// Tokens go into forms as they are: what the other application accepts.
///
/// Without a mask, a compressed page that also shows what a visitor sends may give the token away
/// (BREACH), as it may in those frameworks.
#[derive(Debug)]
pub(crate) struct Plain;

impl CsrfScheme for Plain {
    fn token(&self, random: &[u8; 32]) -> String {
        CsrfToken::from_random(*random).expose().to_owned()
    }

    fn pad_len(&self, _: &str) -> usize {
        0
    }

    fn mask(&self, token: &str, _: &[u8]) -> String {
        token.to_owned()
    }

    fn matches(&self, _: &str, _: &str) -> bool {
        false
    }
}
