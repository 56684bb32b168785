//! CSRF tokens of frameworks that don't mask them.

use cloakroom_session::CsrfToken;
use cloakroom_session::factory::CsrfScheme;

/// Renders tokens into forms unmasked, which is the form that the other application accepts.
///
/// Without a mask, a compressed page that also echoes user input may leak the token (BREACH), as it
/// may in those frameworks.
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
