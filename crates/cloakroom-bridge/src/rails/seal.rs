//! Signing and encryption of Rails: `ActiveSupport::MessageVerifier` and `MessageEncryptor`, with
//! keys from a `KeyGenerator`.

use std::fmt;

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_session::ConfigError;
use cloakroom_session::factory::Rejected;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::hex::{hex, unhex};
use crate::mac::Mac;

const ITERATIONS: u32 = 1000;
pub(crate) const NONCE: usize = 12;
const TAG: usize = 16;

/// The separator of the parts of a sealed text. No part contains it.
const SEPARATOR: &str = "--";

/// A hash algorithm in Rails' configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RailsDigest {
    /// Used for key derivation before Rails 7.0, and for cookie signatures unless
    /// `signed_cookie_digest` is set.
    Sha1,
    /// Used for key derivation since Rails 7.0
    /// (`config.active_support.key_generator_hash_digest_class`).
    #[default]
    Sha256,
}

impl RailsDigest {
    /// Derives the key for one purpose, which the salt names.
    pub(crate) fn derive<const LEN: usize>(self, secret: &[u8], salt: &str) -> Zeroizing<[u8; LEN]> {
        let mut key = Zeroizing::new([0; LEN]);
        match self {
            Self::Sha1 => pbkdf2_hmac::<Sha1>(secret, salt.as_bytes(), ITERATIONS, &mut key[..]),
            Self::Sha256 => pbkdf2_hmac::<Sha256>(secret, salt.as_bytes(), ITERATIONS, &mut key[..]),
        }
        key
    }

    pub(crate) fn mac(self, key: &[u8]) -> Result<Mac, ConfigError> {
        match self {
            Self::Sha1 => Mac::new::<Sha1>(key),
            Self::Sha256 => Mac::new::<Sha256>(key),
        }
    }
}

/// A key in use.
#[derive(Clone)]
pub(crate) enum DerivedKey {
    /// AES-256-GCM: `base64(ciphertext)--base64(nonce)--base64(tag)`.
    Encrypted(Box<Aes256Gcm>),
    /// `base64(content)--hex(HMAC)`.
    Signed(Mac),
}

impl DerivedKey {
    pub(crate) fn encrypted(secret: &[u8], digest: RailsDigest) -> Result<Self, ConfigError> {
        let key = digest.derive::<32>(secret, "authenticated encrypted cookie");
        let cipher = Aes256Gcm::new_from_slice(&key[..]);
        let cipher = cipher.map_err(|_| ConfigError::new("secret", "can't be used at this length"))?;
        Ok(Self::Encrypted(Box::new(cipher)))
    }

    pub(crate) fn signed(secret: &[u8], digest: RailsDigest, signature: RailsDigest) -> Result<Self, ConfigError> {
        Ok(Self::Signed(signature.mac(&digest.derive::<64>(secret, "signed cookie")[..])?))
    }

    /// Returns the content if this key sealed the text.
    pub(crate) fn open(&self, text: &str) -> Result<Vec<u8>, Rejected> {
        let malformed = || Rejected::Malformed;
        match self {
            Self::Encrypted(cipher) => {
                let mut parts = text.split(SEPARATOR).map(|part| STANDARD.decode(part).ok());
                let mut part = || parts.next().flatten().ok_or_else(malformed);
                let (mut content, nonce, tag) = (part()?, part()?, part()?);
                // A shorter tag could be guessed; Rails once accepted one.
                let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| malformed())?;
                let tag = <[u8; TAG]>::try_from(tag).map_err(|_| malformed())?;
                if parts.next().is_some() {
                    return Err(malformed());
                }
                let opened = cipher.decrypt_inout_detached(
                    &Nonce::from(nonce),
                    b"",
                    content.as_mut_slice().into(),
                    &Tag::from(tag),
                );
                opened.map(|()| content).map_err(|_| Rejected::Forged)
            }
            Self::Signed(mac) => {
                let (content, tag) = text.rsplit_once(SEPARATOR).ok_or_else(malformed)?;
                let tag = unhex(tag).ok_or_else(malformed)?;
                if !mac.verifies(&[content.as_bytes()], &tag) {
                    return Err(Rejected::Forged);
                }
                STANDARD.decode(content).map_err(|_| Rejected::Corrupt)
            }
        }
    }

    /// Returns `None` if the content is longer than any cookie.
    pub(crate) fn seal(&self, content: String, nonce: [u8; NONCE]) -> Option<String> {
        match self {
            Self::Encrypted(cipher) => {
                let mut content = content.into_bytes();
                let sealed = cipher.encrypt_inout_detached(&Nonce::from(nonce), b"", content.as_mut_slice().into());
                let parts = [&content[..], &nonce, &sealed.ok()?].map(|part| STANDARD.encode(part));
                Some(parts.join(SEPARATOR))
            }
            Self::Signed(mac) => {
                let content = STANDARD.encode(content);
                let tag = hex(&mac.tag(&[content.as_bytes()]));
                Some([content, tag].join(SEPARATOR))
            }
        }
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encrypted(_) => "Encrypted(…)",
            Self::Signed(_) => "Signed(…)",
        })
    }
}
