//! Django's CSRF tokens: 32 letters and digits, under a mask of the same length.

use cloakroom_session::factory::CsrfScheme;

use crate::mac::same;

const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LENGTH: usize = 32;

/// The tokens of `CSRF_USE_SESSIONS`.
#[derive(Debug)]
pub(crate) struct DjangoTokens;

fn place(byte: u8) -> Option<usize> {
    ALPHABET.iter().position(|it| *it == byte)
}

fn letter(place: usize) -> char {
    ALPHABET.get(place % ALPHABET.len()).map_or('a', |byte| char::from(*byte))
}

impl CsrfScheme for DjangoTokens {
    fn token(&self, random: &[u8; 32]) -> String {
        // A few letters are slightly more frequent than others. The token still has 190 bits.
        random.iter().map(|byte| letter(usize::from(*byte))).collect()
    }

    fn pad_len(&self, _: &str) -> usize {
        LENGTH
    }

    fn mask(&self, token: &str, pad: &[u8]) -> String {
        let mask: String = pad.iter().take(LENGTH).map(|byte| letter(usize::from(*byte))).collect();
        let pairs = token.bytes().zip(mask.bytes());
        let hidden = pairs.map(|(token, mask)| letter(place(token).unwrap_or(0) + place(mask).unwrap_or(0)));
        let hidden: String = hidden.collect();
        format!("{mask}{hidden}")
    }

    fn matches(&self, token: &str, submitted: &str) -> bool {
        let Some((mask, hidden)) = submitted.split_at_checked(LENGTH) else { return false };
        let pairs = hidden.bytes().zip(mask.bytes());
        let plain: Option<String> =
            pairs.map(|(hidden, mask)| Some(letter(place(hidden)? + ALPHABET.len() - place(mask)?))).collect();
        hidden.len() == LENGTH && plain.is_some_and(|plain| same(plain.as_bytes(), token.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_masked_tokens_match() {
        let token = DjangoTokens.token(&[201; 32]);
        let masked = DjangoTokens.mask(&token, &(0..32).map(|it| it * 7).collect::<Vec<u8>>());
        assert_eq!((token.len(), masked.len()), (32, 64));
        let other = DjangoTokens.token(&[7; 32]);
        for (name, token, submitted, expected) in [
            ("masked", &token, masked.as_str(), true),
            ("of another session", &other, masked.as_str(), false),
            ("cut", &token, &masked[..63], false),
            ("with a foreign character", &token, &masked.replace(&masked[..1], "-"), false),
            ("empty", &token, "", false),
        ] {
            assert_eq!(DjangoTokens.matches(token, submitted), expected, "{name}");
        }
    }

    #[test]
    fn tokens_are_unmasked_like_django() {
        // _mask_cipher_secret("a" * 32) with the mask "b" * 32.
        let submitted = format!("{}{}", "b".repeat(32), "b".repeat(32));
        assert!(DjangoTokens.matches(&"a".repeat(32), &submitted));
    }
}
