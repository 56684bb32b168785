//! Sealing: text that only holders of the key can write, and in the encrypted format only they can
//! read.
//!
//! | format | text | protection |
//! |---|---|---|
//! | signed, version 1 | `s1.` base64url(key id, payload, tag) | HMAC-SHA256 over `s1.`, key id and payload |
//! | encrypted, version 1 | `e1.` base64url(key id, nonce, ciphertext, tag) | AES-256-GCM-SIV (RFC 8452) with `e1.` and key id as associated data |
//!
//! The key id has 4 bytes, the nonce 12, the tag 32 (signed) or 16 (encrypted). The base64url text
//! has no padding and must be in canonical form. Each key is derived from the secret with
//! HKDF-SHA256 (RFC 5869), for this format and this cookie name alone, so a value moved from one
//! cookie to another doesn't open. A repeated nonce reveals only that two payloads are equal.
//!
//! The readable versions and the written one are defined in `formats.rs`. The payload can grow
//! without a new version of the seal, because extension fields are part of the record's text.

use std::fmt;

use aes_gcm_siv::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{Engine as _, decoded_len_estimate};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{ConfigError, Error};
use crate::formats::SealVersion;
use crate::keyring::{KeyId, Keyring};
use crate::rejected::Rejected;

const KEY_ID: usize = 4;
const NONCE: usize = 12;
const MAC: usize = 32;
const TAG: usize = 16;
const PREFIX: usize = 3;

/// The version that is written.
const VERSION: SealVersion = SealVersion::WRITTEN;

/// The kind of seal: signed or encrypted. Neither can be forged without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seal {
    /// Readable, not forgeable: `s1.`
    Signed,
    /// Neither readable nor forgeable: `e1.`
    Encrypted,
}

impl Seal {
    pub(crate) const fn prefix(self, version: SealVersion) -> &'static str {
        match (self, version) {
            (Self::Signed, SealVersion::V1) => "s1.",
            (Self::Encrypted, SealVersion::V1) => "e1.",
        }
    }

    /// Returns the number of bytes that the seal adds to a payload, before base64url encoding.
    const fn overhead(self) -> usize {
        match self {
            Self::Signed => KEY_ID + MAC,
            Self::Encrypted => KEY_ID + NONCE + TAG,
        }
    }

    /// Returns the length in bytes of the sealed text for a payload of this length.
    #[must_use]
    pub const fn sealed_len(self, payload: usize) -> usize {
        let bytes = payload.saturating_add(self.overhead());
        PREFIX + (bytes.saturating_mul(4)).div_ceil(3)
    }
}

/// Seals and opens the values of one cookie with the keys of a keyring.
///
/// # Examples
/// ```
/// use cloakroom_core::{Key, Keyring, Rejected, Seal, Sealer};
///
/// let keyring = Keyring::new(Key::new(b"a secret of at least thirty-two bytes")?);
/// let sealer = Sealer::new(Seal::Encrypted, &keyring, "session")?;
/// let sealed = sealer.seal("payload", [7; 12])?;
/// assert_eq!(sealer.unseal(&sealed).as_deref(), Ok("payload"));
///
/// let other = Sealer::new(Seal::Encrypted, &keyring, "other")?;
/// assert_eq!(other.unseal(&sealed), Err(Rejected::Forged));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Sealer {
    seal: Seal,
    current: Lock,
    /// Keys that only open.
    others: Vec<Lock>,
}

/// A derived key, ready for use.
#[derive(Clone)]
struct Lock {
    id: KeyId,
    cipher: Cipher,
}

#[derive(Clone)]
enum Cipher {
    // Keyed once: cloning a keyed HMAC is cheaper than keying one for each cookie.
    Signed(Hmac<Sha256>),
    Encrypted(Box<Aes256GcmSiv>),
}

impl Sealer {
    /// Creates a sealer for the cookie called `name`.
    ///
    /// # Errors
    /// Returns an error if a key can't be derived, which doesn't happen with keys of a [`Keyring`].
    pub fn new(seal: Seal, keyring: &Keyring, name: &str) -> Result<Self, ConfigError> {
        let mut locks = Vec::with_capacity(keyring.keys().len());
        for key in keyring.keys() {
            let mut derived = Zeroizing::new([0; 32]);
            key.derive(&[seal.prefix(VERSION).as_bytes(), name.as_bytes()], &mut derived[..])?;
            let cipher = match seal {
                Seal::Signed => Hmac::new_from_slice(&derived[..]).map(Cipher::Signed).ok(),
                Seal::Encrypted => {
                    Aes256GcmSiv::new_from_slice(&derived[..]).map(|cipher| Cipher::Encrypted(Box::new(cipher))).ok()
                }
            };
            let cipher = cipher.ok_or_else(|| ConfigError::new("key", "can't be used at this length"))?;
            locks.push(Lock { id: key.id(), cipher });
        }
        let mut locks = locks.into_iter();
        let current = locks.next().ok_or_else(|| ConfigError::new("keyring", "is empty"))?;
        Ok(Self { seal, current, others: locks.collect() })
    }

    /// Returns the format.
    #[must_use]
    pub const fn format(&self) -> Seal {
        self.seal
    }

    /// Seals a payload with the current key.
    ///
    /// `nonce` is 12 fresh random bytes; the signed format doesn't use them.
    ///
    /// # Errors
    /// Returns an error with [`Error::is_seal`] if the payload exceeds the cipher's limit of 64 GiB
    /// (RFC 8452 §6). No part of the payload is returned then.
    pub fn seal(&self, payload: &str, nonce: [u8; NONCE]) -> Result<String, Error> {
        let failed = || Error::seal(payload.len());
        let prefix = self.seal.prefix(VERSION);
        let mut bytes = Vec::with_capacity(payload.len() + self.seal.overhead());
        bytes.extend_from_slice(self.current.id.as_bytes());
        match &self.current.cipher {
            Cipher::Signed(mac) => {
                bytes.extend_from_slice(payload.as_bytes());
                let tag = mac.clone().chain_update(prefix).chain_update(&bytes).finalize();
                bytes.extend_from_slice(&tag.into_bytes());
            }
            Cipher::Encrypted(cipher) => {
                let associated = associated(prefix, self.current.id);
                bytes.extend_from_slice(&nonce);
                bytes.extend_from_slice(payload.as_bytes());
                // A failure here must discard the buffer, which still contains plain text.
                let text = bytes.get_mut(KEY_ID + NONCE..).ok_or_else(failed)?;
                let tag = cipher
                    .encrypt_inout_detached(&Nonce::from(nonce), &associated, text.into())
                    .map_err(|_| failed())?;
                bytes.extend_from_slice(&tag);
            }
        }
        let length = self.seal.sealed_len(payload.len());
        let mut sealed = Vec::with_capacity(length);
        sealed.extend_from_slice(prefix.as_bytes());
        sealed.resize(length, 0);
        let body = sealed.get_mut(PREFIX..).ok_or_else(failed)?;
        URL_SAFE_NO_PAD.encode_slice(&bytes, body).map_err(|_| failed())?;
        String::from_utf8(sealed).map_err(|_| failed())
    }

    /// Opens a sealed text with the key that sealed it.
    ///
    /// # Errors
    /// Returns the reason why it doesn't open. The content is never used before the seal is
    /// verified.
    pub fn unseal(&self, sealed: &str) -> Result<String, Rejected> {
        let known = |version: &SealVersion| {
            let prefix = self.seal.prefix(*version);
            Some((*version, prefix, sealed.strip_prefix(prefix)?))
        };
        let (version, prefix, body) = SealVersion::READABLE.iter().find_map(known).ok_or(Rejected::UnknownFormat)?;
        match version {
            SealVersion::V1 => self.unseal_v1(prefix, body),
        }
    }

    fn unseal_v1(&self, prefix: &str, body: &str) -> Result<String, Rejected> {
        // Not `decode`: zeroed memory, which it allocates, takes glibc much longer.
        let mut bytes = Vec::with_capacity(decoded_len_estimate(body.len()));
        URL_SAFE_NO_PAD.decode_vec(body, &mut bytes).map_err(|_| Rejected::Malformed)?;
        let (id, rest) = bytes.split_first_chunk::<KEY_ID>().ok_or(Rejected::Malformed)?;
        let lock = std::iter::once(&self.current)
            .chain(&self.others)
            .find(|lock| lock.id.as_bytes() == id)
            .ok_or(Rejected::UnknownKey)?;
        let payload = match &lock.cipher {
            Cipher::Signed(mac) => {
                let (_, tag) = rest.split_last_chunk::<MAC>().ok_or(Rejected::Malformed)?;
                let signed = bytes.len() - MAC;
                let message = bytes.get(..signed).ok_or(Rejected::Malformed)?;
                mac.clone()
                    .chain_update(prefix)
                    .chain_update(message)
                    .verify_slice(tag)
                    .map_err(|_| Rejected::Forged)?;
                KEY_ID..signed
            }
            Cipher::Encrypted(cipher) => {
                let associated = associated(prefix, lock.id);
                let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(Rejected::Malformed)?;
                let (_, tag) = rest.split_last_chunk::<TAG>().ok_or(Rejected::Malformed)?;
                let (nonce, tag) = (Nonce::from(*nonce), Tag::from(*tag));
                let payload = KEY_ID + NONCE..bytes.len() - TAG;
                let text = bytes.get_mut(payload.clone()).ok_or(Rejected::Malformed)?;
                cipher.decrypt_inout_detached(&nonce, &associated, text.into(), &tag).map_err(|_| Rejected::Forged)?;
                payload
            }
        };
        bytes.truncate(payload.end);
        bytes.drain(..payload.start);
        String::from_utf8(bytes).map_err(|_| Rejected::Corrupt)
    }
}

fn associated(prefix: &str, id: KeyId) -> [u8; PREFIX + KEY_ID] {
    let mut both = [0; PREFIX + KEY_ID];
    for (slot, byte) in both.iter_mut().zip(prefix.bytes().chain(*id.as_bytes())) {
        *slot = byte;
    }
    both
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("seal", &self.seal)
            .field("current", &self.current.id)
            .field("others", &self.others.iter().map(|lock| lock.id).collect::<Vec<_>>())
            .finish()
    }
}
