//! Django's CSRF tokens: 32 letters and digits, under a mask of the same length.
//!
//! Django before 4.1 also stores the token in the session under a mask, as 64 characters. Newer
//! versions still read such sessions.

use std::borrow::Cow;

use cloakroom_session::factory::CsrfScheme;

use crate::mac::same;

const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LENGTH: usize = 32;

/// The tokens of `CSRF_USE_SESSIONS`.
#[derive(Debug)]
pub(crate) struct DjangoTokens {
    /// New sessions store the token under a mask.
    is_masked: bool,
}

impl DjangoTokens {
    pub(crate) const PLAIN: Self = Self { is_masked: false };
    pub(crate) const MASKED: Self = Self { is_masked: true };
}

/// Removes the mask. `None` if the text isn't a masked token.
fn unmask(text: &str) -> Option<String> {
    let (mask, hidden) = text.split_at_checked(LENGTH)?;
    let pairs = hidden.bytes().zip(mask.bytes());
    let plain = pairs.map(|(hidden, mask)| Some(letter(place(hidden)? + ALPHABET.len() - place(mask)?)));
    plain.collect::<Option<String>>().filter(|_| hidden.len() == LENGTH)
}

/// Returns the token without the mask under which it may be stored.
fn plain(stored: &str) -> Cow<'_, str> {
    unmask(stored).map_or(Cow::Borrowed(stored), Cow::Owned)
}

fn place(byte: u8) -> Option<usize> {
    ALPHABET.iter().position(|it| *it == byte)
}

fn letter(place: usize) -> char {
    ALPHABET.get(place % ALPHABET.len()).map_or('a', |byte| char::from(*byte))
}

impl CsrfScheme for DjangoTokens {
    fn token(&self, random: &[u8; 32]) -> String {
        // A few letters are slightly more frequent than others. The token still has 190 bits.
        let token: String = random.iter().map(|byte| letter(usize::from(*byte))).collect();
        // The mask of a stored token hides nothing, so it may be known: the first letter adds zero.
        if self.is_masked { format!("{}{token}", "a".repeat(LENGTH)) } else { token }
    }

    fn pad_len(&self, _: &str) -> usize {
        LENGTH
    }

    fn mask(&self, token: &str, pad: &[u8]) -> String {
        let mask: String = pad.iter().take(LENGTH).map(|byte| letter(usize::from(*byte))).collect();
        let token = plain(token);
        let pairs = token.bytes().zip(mask.bytes());
        let hidden = pairs.map(|(token, mask)| letter(place(token).unwrap_or(0) + place(mask).unwrap_or(0)));
        let hidden: String = hidden.collect();
        format!("{mask}{hidden}")
    }

    fn matches(&self, token: &str, submitted: &str) -> bool {
        unmask(submitted).is_some_and(|submitted| same(submitted.as_bytes(), plain(token).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_masked_tokens_match() {
        let scheme = DjangoTokens::PLAIN;
        let token = scheme.token(&[201; 32]);
        let masked = scheme.mask(&token, &(0..32).map(|it| it * 7).collect::<Vec<u8>>());
        assert_eq!((token.len(), masked.len()), (32, 64));
        let other = scheme.token(&[7; 32]);
        for (name, token, submitted, expected) in [
            ("masked", &token, masked.as_str(), true),
            ("of another session", &other, masked.as_str(), false),
            ("cut", &token, &masked[..63], false),
            ("with a foreign character", &token, &masked.replace(&masked[..1], "-"), false),
            ("empty", &token, "", false),
        ] {
            assert_eq!(scheme.matches(token, submitted), expected, "{name}");
        }
    }

    #[test]
    fn tokens_are_unmasked_like_django() {
        // _mask_cipher_secret("a" * 32) with the mask "b" * 32.
        let submitted = format!("{}{}", "b".repeat(32), "b".repeat(32));
        assert!(DjangoTokens::PLAIN.matches(&"a".repeat(32), &submitted));
    }

    /// As Django before 4.1 stores and compares them.
    #[test]
    fn a_stored_token_may_be_masked() {
        let (scheme, pad) = (DjangoTokens::MASKED, [9; 32]);
        let stored = scheme.token(&[201; 32]);
        assert_eq!(stored.len(), 64);
        let secret = DjangoTokens::PLAIN.token(&[201; 32]);
        assert_eq!(unmask(&stored).as_deref(), Some(secret.as_str()));
        // A session under another mask has the same forms.
        let again = scheme.mask(&secret, &[77; 32]);
        for stored in [&stored, &again, &secret] {
            let form = scheme.mask(stored, &pad);
            assert_eq!(unmask(&form).as_deref(), Some(secret.as_str()));
            assert!(scheme.matches(stored, &form) && !scheme.matches(stored, &secret), "{stored}");
        }
    }
}
