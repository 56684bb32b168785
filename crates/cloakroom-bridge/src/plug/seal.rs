//! Signing and encryption of Plug: `Plug.Crypto.MessageVerifier` and `MessageEncryptor`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use cloakroom_session::ConfigError;
use cloakroom_session::factory::Rejected;
use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::mac::Mac;

const ITERATIONS: u32 = 1000;
pub(crate) const NONCE: usize = 24;
const TAG: usize = 16;

/// HS256, in base64.
const SIGNED: &str = "SFMyNTY.";

/// XChaCha20-Poly1305.
const ENCRYPTED: &str = "XCP.";

/// The associated data: the name of the cipher that Plug used before.
const BOUND: &[u8] = b"A128GCM";

/// A key in use.
#[derive(Clone)]
pub(crate) enum DerivedKey {
    /// `SFMyNTY.` base64url(content) `.` base64url(HMAC-SHA256)
    Signed(Mac),
    /// `XCP.` base64url(nonce, tag, ciphertext)
    Encrypted(Box<XChaCha20Poly1305>),
}

fn derive(secret: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2_hmac::<Sha256>(secret, salt, ITERATIONS, &mut key[..]);
    key
}

impl DerivedKey {
    pub(crate) fn signed(secret: &[u8], salt: &[u8]) -> Result<Self, ConfigError> {
        Mac::new::<Sha256>(&derive(secret, salt)[..]).map(Self::Signed)
    }

    pub(crate) fn encrypted(secret: &[u8], salt: &[u8]) -> Result<Self, ConfigError> {
        let cipher = XChaCha20Poly1305::new_from_slice(&derive(secret, salt)[..]);
        let cipher = cipher.map_err(|_| ConfigError::new("secret_key_base", "can't be used at this length"))?;
        Ok(Self::Encrypted(Box::new(cipher)))
    }

    /// Returns the content if this key sealed the text.
    pub(crate) fn open(&self, text: &str) -> Result<Vec<u8>, Rejected> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Rejected::Malformed);
        match self {
            Self::Signed(mac) => {
                let sealed = text.strip_prefix(SIGNED).ok_or(Rejected::UnknownFormat)?;
                let (content, tag) = sealed.split_once('.').ok_or(Rejected::Malformed)?;
                if !mac.verifies(&[SIGNED.as_bytes(), content.as_bytes()], &decode(tag)?) {
                    return Err(Rejected::Forged);
                }
                decode(content)
            }
            Self::Encrypted(cipher) => {
                let sealed = decode(text.strip_prefix(ENCRYPTED).ok_or(Rejected::UnknownFormat)?)?;
                let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Rejected::Malformed)?;
                let (tag, content) = sealed.split_first_chunk::<TAG>().ok_or(Rejected::Malformed)?;
                let mut content = content.to_vec();
                let opened = cipher.decrypt_inout_detached(
                    &XNonce::from(*nonce),
                    BOUND,
                    content.as_mut_slice().into(),
                    &Tag::from(*tag),
                );
                opened.map(|()| content).map_err(|_| Rejected::Forged)
            }
        }
    }

    /// Returns `None` if the content is longer than any cookie.
    pub(crate) fn seal(&self, content: String, nonce: [u8; NONCE]) -> Option<String> {
        match self {
            Self::Signed(mac) => {
                let content = URL_SAFE_NO_PAD.encode(content);
                let tag = URL_SAFE_NO_PAD.encode(mac.tag(&[SIGNED.as_bytes(), content.as_bytes()]));
                Some(format!("{SIGNED}{content}.{tag}"))
            }
            Self::Encrypted(cipher) => {
                let mut content = content.into_bytes();
                let sealed = cipher.encrypt_inout_detached(&XNonce::from(nonce), BOUND, content.as_mut_slice().into());
                Some(ENCRYPTED.to_owned() + &URL_SAFE_NO_PAD.encode([&nonce[..], &sealed.ok()?, &content].concat()))
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
