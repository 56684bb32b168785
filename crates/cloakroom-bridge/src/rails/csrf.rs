//! Rails' authenticity tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cloakroom_session::factory::CsrfScheme;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::mac::same;

/// The length in bytes of a token and of its pad.
const LEN: usize = 32;

/// The message from which the token of all forms is derived.
const GLOBAL: &[u8] = b"!real_csrf_token";

/// The session holds 32 random bytes in base64. Forms contain
/// `HMAC-SHA256(those, "!real_csrf_token")` under a pad (Rails 6.1 and newer), or the bytes
/// themselves under a pad (before).
///
/// A token bound to one form's path and method (`per_form_csrf_tokens`) is refused, because the
/// form is unknown here.
#[derive(Debug)]
pub(crate) struct RailsCsrf;

/// Decodes both alphabets: Rails writes one or the other, depending on its version, and reads both.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text.trim_end_matches('='))).ok()
}

fn global(real: &[u8]) -> Vec<u8> {
    // HMAC accepts a key of any length.
    let mac = Hmac::<Sha256>::new_from_slice(real).map(|mac| mac.chain_update(GLOBAL).finalize().into_bytes().to_vec());
    mac.unwrap_or_default()
}

fn xor(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).map(|(one, other)| one ^ other).collect()
}

impl CsrfScheme for RailsCsrf {
    fn token(&self, random: &[u8; 32]) -> String {
        STANDARD.encode(random)
    }

    fn pad_len(&self, _: &str) -> usize {
        LEN
    }

    fn mask(&self, token: &str, pad: &[u8]) -> String {
        let hidden = decode(token).map(|real| xor(&global(&real), pad)).unwrap_or_default();
        STANDARD.encode([pad, &hidden].concat())
    }

    fn matches(&self, token: &str, submitted: &str) -> bool {
        let (Some(real), Some(submitted)) = (decode(token), decode(submitted)) else { return false };
        match submitted.split_at_checked(LEN) {
            Some((whole, [])) => same(whole, &real),
            Some((pad, hidden)) if hidden.len() == LEN => {
                let shown = xor(pad, hidden);
                same(&shown, &global(&real)) | same(&shown, &real)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_session::factory::CsrfScheme as _;

    use super::{LEN, RailsCsrf, STANDARD, URL_SAFE_NO_PAD, xor};
    use base64::Engine as _;

    #[test]
    fn tokens_that_rails_accepts_are_accepted() {
        let (real, pad) = ([7; LEN], [42; LEN]);
        let token = RailsCsrf.token(&real);
        let masked = RailsCsrf.mask(&token, &pad);
        let before_61 = STANDARD.encode([&pad[..], &xor(&real, &pad)].concat());
        let bytes = STANDARD.decode(&masked).unwrap();
        let mut changed = bytes.clone();
        changed[LEN] ^= 1;
        for (row, submitted, expected) in [
            ("masked", masked.clone(), true),
            ("masked, in the other alphabet", URL_SAFE_NO_PAD.encode(&bytes), true),
            ("masked as before Rails 6.1", before_61, true),
            ("the bytes as they are", URL_SAFE_NO_PAD.encode(real), true),
            ("changed", STANDARD.encode(changed), false),
            ("cut", masked[4..].to_owned(), false),
            ("of another session", RailsCsrf.mask(&RailsCsrf.token(&[8; LEN]), &pad), false),
            ("the pad alone", STANDARD.encode(pad), false),
            ("empty", String::new(), false),
            ("no base64", "…".to_owned(), false),
        ] {
            assert_eq!(RailsCsrf.matches(&token, &submitted), expected, "{row}");
        }
        assert!(!RailsCsrf.matches("…", &masked), "a token that isn't Rails' matches nothing");
    }
}
