//! The tokens of `Plug.CSRFProtection`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use cloakroom_session::factory::CsrfScheme;

use crate::mac::same;

/// The length in bytes of a token's text and of a pad's text.
const LEN: usize = 24;

/// The number of random bytes in a token.
const RANDOM: usize = 18;

/// The session holds 18 random bytes as 24 characters. Forms contain their XOR with 24 other
/// characters in base64, followed by those characters.
#[derive(Debug)]
pub(crate) struct PlugCsrf;

fn text(random: &[u8]) -> String {
    URL_SAFE.encode(random.get(..RANDOM).unwrap_or(random))
}

fn xor(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).map(|(one, other)| one ^ other).collect()
}

impl CsrfScheme for PlugCsrf {
    fn token(&self, random: &[u8; 32]) -> String {
        text(random)
    }

    fn pad_len(&self, _: &str) -> usize {
        RANDOM
    }

    fn mask(&self, token: &str, pad: &[u8]) -> String {
        let pad = text(pad);
        URL_SAFE.encode(xor(token.as_bytes(), pad.as_bytes())) + &pad
    }

    fn matches(&self, token: &str, submitted: &str) -> bool {
        let Some((hidden, pad)) = submitted.len().checked_sub(LEN).and_then(|end| submitted.split_at_checked(end))
        else {
            return false;
        };
        // Plug reads both alphabets.
        let hidden = URL_SAFE.decode(hidden).or_else(|_| STANDARD.decode(hidden));
        token.len() == LEN
            && hidden.is_ok_and(|hidden| hidden.len() == LEN && same(&xor(&hidden, pad.as_bytes()), token.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_session::factory::CsrfScheme as _;

    use super::PlugCsrf;

    #[test]
    fn forms_are_accepted_with_their_own_token() {
        let token = PlugCsrf.token(&[7; 32]);
        assert_eq!(token, "BwcHBwcHBwcHBwcHBwcHBwcH");
        let masked = PlugCsrf.mask(&token, &[42; 18]);
        assert_eq!(masked.len(), 56);
        let other = PlugCsrf.token(&[8; 32]);
        for (row, token, submitted, expected) in [
            ("masked", token.as_str(), masked.as_str(), true),
            ("of another session", other.as_str(), masked.as_str(), false),
            ("cut", token.as_str(), &masked[1..], false),
            ("the pad alone", token.as_str(), &masked[32..], false),
            ("empty", token.as_str(), "", false),
            ("no token of Plug's", "short", masked.as_str(), false),
        ] {
            assert_eq!(PlugCsrf.matches(token, submitted), expected, "{row}");
        }
    }
}
