//! Cookies sealed by the crate `cookie`, which tower-sessions and actix-session use.
//!
//! | kind | the value before percent-encoding |
//! |---|---|
//! | plain | the content |
//! | signed | `base64(HMAC-SHA256(content))`, 44 characters, and the content |
//! | private | `base64(nonce ‖ AES-256-GCM(content) ‖ tag)`, with the cookie's name as associated data |

use std::fmt;

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_session::ConfigError;
use cloakroom_session::factory::Rejected;
use sha2::Sha256;

use crate::mac::Mac;
use crate::percent;
use crate::secret::Secret;

/// The length of the crate's `Key`: one half signs, the other half encrypts.
const KEY: usize = 64;
const DIGEST: usize = 44;
const NONCE: usize = 12;
const TAG: usize = 16;

/// The protection of a cookie's value.
#[derive(Clone)]
pub(crate) enum JarSeal {
    #[cfg_attr(not(feature = "tower-sessions"), allow(dead_code, reason = "actix-session always seals"))]
    Plain,
    Signed(Mac),
    Private(Box<Aes256Gcm>),
}

impl JarSeal {
    pub(crate) fn signed(key: &Secret) -> Result<Self, ConfigError> {
        Ok(Self::Signed(Mac::new::<Sha256>(halves(key)?.0)?))
    }

    pub(crate) fn private(key: &Secret) -> Result<Self, ConfigError> {
        let cipher = Aes256Gcm::new_from_slice(halves(key)?.1);
        let cipher = cipher.map_err(|_| ConfigError::new("key", "can't be used at this length"))?;
        Ok(Self::Private(Box::new(cipher)))
    }

    /// Returns the content of a cookie's value.
    pub(crate) fn open(&self, name: &str, value: &str) -> Result<String, Rejected> {
        let value = percent::decode(value).ok_or(Rejected::Malformed)?;
        match self {
            Self::Plain => Ok(value),
            Self::Signed(mac) => {
                let (tag, content) = value.split_at_checked(DIGEST).ok_or(Rejected::Malformed)?;
                let tag = STANDARD.decode(tag).map_err(|_| Rejected::Malformed)?;
                if mac.verifies(&[content.as_bytes()], &tag) { Ok(content.to_owned()) } else { Err(Rejected::Forged) }
            }
            Self::Private(cipher) => {
                let sealed = STANDARD.decode(value).map_err(|_| Rejected::Malformed)?;
                let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(Rejected::Malformed)?;
                let (content, tag) = rest.split_last_chunk::<TAG>().ok_or(Rejected::Malformed)?;
                let mut content = content.to_vec();
                let opened = cipher.decrypt_inout_detached(
                    &Nonce::from(*nonce),
                    name.as_bytes(),
                    content.as_mut_slice().into(),
                    &Tag::from(*tag),
                );
                opened.map_err(|_| Rejected::Forged)?;
                String::from_utf8(content).map_err(|_| Rejected::Corrupt)
            }
        }
    }

    /// Returns a cookie's value with this content. `random` isn't used anywhere else.
    pub(crate) fn seal(&self, name: &str, content: &str, random: &[u8; 64]) -> String {
        let value = match self {
            Self::Plain => content.to_owned(),
            Self::Signed(mac) => STANDARD.encode(mac.tag(&[content.as_bytes()])) + content,
            // Only a content of many gigabytes can't be encrypted. Such a value opens nowhere.
            Self::Private(cipher) => encrypt(cipher, name, content, random).unwrap_or_default(),
        };
        percent::encode(&value)
    }
}

fn encrypt(cipher: &Aes256Gcm, name: &str, content: &str, random: &[u8; 64]) -> Option<String> {
    let nonce = random.first_chunk::<NONCE>()?;
    let mut sealed = content.as_bytes().to_vec();
    let tag =
        cipher.encrypt_inout_detached(&Nonce::from(*nonce), name.as_bytes(), sealed.as_mut_slice().into()).ok()?;
    Some(STANDARD.encode([&nonce[..], &sealed, &tag].concat()))
}

/// Returns the half that signs and the half that encrypts.
fn halves(key: &Secret) -> Result<(&[u8], &[u8]), ConfigError> {
    let bytes = key.checked("key")?;
    let key: Option<(&[u8], &[u8])> = bytes.get(..KEY).map(|key| key.split_at(KEY / 2));
    key.ok_or_else(|| ConfigError::new("key", format!("has {} bytes, `cookie::Key` has {KEY}", bytes.len())))
}

impl fmt::Debug for JarSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Signed(_) => "Signed(…)",
            Self::Private(_) => "Private(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_session::factory::Rejected;

    use super::JarSeal;
    use crate::secret::Secret;

    /// The key of the tests of the crate `cookie`.
    const KEY: [u8; 64] = [
        89, 202, 200, 125, 230, 90, 197, 245, 166, 249, 34, 169, 135, 31, 20, 197, 94, 154, 254, 79, 60, 26, 8, 143,
        254, 24, 116, 138, 92, 225, 159, 60, 157, 41, 135, 129, 31, 226, 196, 16, 198, 168, 134, 4, 42, 1, 196, 24, 57,
        103, 241, 147, 201, 185, 233, 10, 180, 170, 187, 89, 252, 137, 110, 107,
    ];

    /// The vectors of the tests of the crate `cookie`, sealed by two of its versions.
    #[test]
    fn sealed_cookies_open() {
        let key = Secret::from(&KEY[..]);
        let (signed, private) = (JarSeal::signed(&key).unwrap(), JarSeal::private(&key).unwrap());
        let by_signature = "3tdHXEQ2kf6fxC7dWzBGmpSLMtJenXLKrZ9cHkSsl1w=Tamper-proof";
        let by_14 = "lObeZJorGVyeSWUA8khTO/8UCzFVBY9g0MGU6/J3NN1R5x11dn2JIA==";
        let by_16 = "SU1ujceILyMBg3fReqRmA9HUtAIoSPZceOM/CUpObROHEujXIjonkA==";
        for (seal, name, value, expected) in [
            (&signed, "signed_with_ring014", by_signature, Ok("Tamper-proof")),
            (&private, "encrypted_with_ring014", by_14, Ok("Tamper-proof")),
            (&private, "encrypted_with_ring016", by_16, Ok("Tamper-proof")),
            (&private, "encrypted_with_ring014", by_16, Err(Rejected::Forged)),
            (&private, "encrypted_with_ring014", by_signature, Err(Rejected::Malformed)),
            (&signed, "signed", &by_signature[1..], Err(Rejected::Malformed)),
            (&signed, "signed", &format!("{by_signature}!"), Err(Rejected::Forged)),
            (&signed, "signed", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy£", Err(Rejected::Malformed)),
            (&signed, "signed", "", Err(Rejected::Malformed)),
            (&private, "private", "AAAA", Err(Rejected::Malformed)),
            (&JarSeal::Plain, "plain", "a%20b", Ok("a b")),
            (&JarSeal::Plain, "plain", "a%2", Err(Rejected::Malformed)),
        ] {
            assert_eq!(seal.open(name, value), expected.map(str::to_owned), "{seal:?} {name} {value}");
        }
        // A signature without a random part is the same text.
        assert_eq!(signed.seal("any", "Tamper-proof", &[0; 64]), crate::percent::encode(by_signature));
        for seal in [&signed, &private, &JarSeal::Plain] {
            let value = seal.seal("id", "☃;=", &[7; 64]);
            assert_eq!(seal.open("id", &value), Ok("☃;=".to_owned()));
            assert_eq!(seal.open("other", &value).is_ok(), !matches!(seal, JarSeal::Private(_)));
        }
    }

    #[test]
    fn short_keys_are_refused() {
        for length in [0, 1, 32, 63] {
            let key = Secret::from(vec![1; length]);
            assert_eq!(JarSeal::signed(&key).unwrap_err().option(), "key");
            assert_eq!(JarSeal::private(&key).unwrap_err().option(), "key");
        }
        // `Key::from` uses the first 64 bytes.
        let long = JarSeal::signed(&Secret::from([&KEY[..], b"more"].concat())).unwrap();
        let signed = JarSeal::signed(&Secret::from(&KEY[..])).unwrap();
        assert_eq!(long.seal("id", "x", &[0; 64]), signed.seal("id", "x", &[0; 64]));
    }
}
