//! Encryption of records at rest: a store can neither read records nor name their owners.
//!
//! Sealed bytes are the key id (4 bytes), a nonce (12), and the AES-256-GCM-SIV ciphertext with its
//! tag (RFC 8452). The associated data are `r1.`, the key id, and a context from the caller, such
//! as the store key. Both keys are derived with HKDF-SHA256 for this purpose alone, so they never
//! equal the key of a cookie, regardless of the cookie's name.

use std::fmt;

use aes_gcm_siv::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{ConfigError, Error};
use crate::keyring::{KeyId, Keyring};
use crate::rejected::Rejected;

const KEY_ID: usize = 4;
const NONCE: usize = 12;
const TAG: usize = 16;

/// The version of the sealed bytes, which also separates the derived keys from those of cookies.
const VERSION: &[u8] = b"r1.";

/// Encrypts records for a store with the keys of a keyring, and hashes their owners.
///
/// # Security
/// `Debug` shows only the ids of keys. A repeated nonce reveals only that two payloads with the
/// same context are equal.
///
/// # Examples
/// ```
/// use cloakroom_core::{Key, Keyring, RecordSealer, Rejected};
///
/// let keyring = Keyring::new(Key::new(b"a secret of at least thirty-two bytes")?);
/// let sealer = RecordSealer::new(&keyring)?;
/// let sealed = sealer.seal(b"one session", b"a record".to_vec(), [7; 12])?;
/// assert_eq!(sealer.unseal(b"one session", &sealed), Ok(b"a record".to_vec()));
/// assert_eq!(sealer.unseal(b"another session", &sealed), Err(Rejected::Forged));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RecordSealer {
    current: Lock,
    /// Keys that only open.
    others: Vec<Lock>,
}

/// The keys that are derived from one secret.
#[derive(Clone)]
struct Lock {
    id: KeyId,
    cipher: Box<Aes256GcmSiv>,
    owners: Hmac<Sha256>,
}

impl RecordSealer {
    /// Creates a sealer with these keys.
    ///
    /// # Errors
    /// Returns an error if a key can't be derived, which doesn't happen with keys of a [`Keyring`].
    pub fn new(keyring: &Keyring) -> Result<Self, ConfigError> {
        let unusable = || ConfigError::new("key", "can't be used at this length");
        let mut locks = Vec::with_capacity(keyring.keys().len());
        for key in keyring.keys() {
            let mut derived = Zeroizing::new([0; 32]);
            key.derive(&[VERSION, b"records"], &mut derived[..])?;
            let cipher = Aes256GcmSiv::new_from_slice(&derived[..]).map_err(|_| unusable())?;
            key.derive(&[VERSION, b"owners"], &mut derived[..])?;
            let owners = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&derived[..]).map_err(|_| unusable())?;
            locks.push(Lock { id: key.id(), cipher: Box::new(cipher), owners });
        }
        let mut locks = locks.into_iter();
        let current = locks.next().ok_or_else(|| ConfigError::new("keyring", "is empty"))?;
        Ok(Self { current, others: locks.collect() })
    }

    /// Seals bytes with the current key. `nonce` is 12 fresh random bytes.
    ///
    /// # Errors
    /// Returns an error with [`Error::is_seal`] if the payload exceeds the cipher's limit of 64 GiB
    /// (RFC 8452 §6).
    pub fn seal(&self, context: &[u8], mut payload: Vec<u8>, nonce: [u8; NONCE]) -> Result<Vec<u8>, Error> {
        let length = payload.len();
        let associated = associated(self.current.id, context);
        let tag = self
            .current
            .cipher
            .encrypt_inout_detached(&Nonce::from(nonce), &associated, payload.as_mut_slice().into())
            .map_err(|_| Error::seal(length))?;
        let parts = [self.current.id.as_bytes().as_slice(), &nonce, &payload, &tag];
        Ok(parts.concat())
    }

    /// Opens sealed bytes with the key that sealed them.
    ///
    /// # Errors
    /// Returns [`Rejected::UnknownKey`] if the key isn't in the keyring, [`Rejected::Forged`] if
    /// the bytes were changed or sealed for another context, and [`Rejected::Malformed`] if they
    /// are too short.
    pub fn unseal(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Rejected> {
        let (id, rest) = sealed.split_first_chunk::<KEY_ID>().ok_or(Rejected::Malformed)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(Rejected::Malformed)?;
        let (text, tag) = rest.split_last_chunk::<TAG>().ok_or(Rejected::Malformed)?;
        let lock = self.locks().find(|lock| lock.id.as_bytes() == id).ok_or(Rejected::UnknownKey)?;
        let mut payload = text.to_vec();
        lock.cipher
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                &associated(lock.id, context),
                payload.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| Rejected::Forged)?;
        Ok(payload)
    }

    /// Hashes an owner with each key (HMAC-SHA-256), the sealing key first.
    pub fn owner_hashes(&self, owner: &str) -> impl Iterator<Item = (KeyId, [u8; 32])> {
        self.locks().map(move |lock| (lock.id, lock.owners.clone().chain_update(owner).finalize().into_bytes().into()))
    }

    /// Returns the ids of all keys, the sealing key first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.locks().map(|lock| lock.id)
    }

    fn locks(&self) -> impl Iterator<Item = &Lock> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

/// Unambiguous, because all parts before the context have a fixed length.
fn associated(id: KeyId, context: &[u8]) -> Vec<u8> {
    [VERSION, id.as_bytes(), context].concat()
}

impl fmt::Debug for RecordSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordSealer")
            .field("current", &self.current.id)
            .field("others", &self.others.iter().map(|lock| lock.id).collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::Key;
    use crate::seal::{Seal, Sealer};

    fn key(byte: u8) -> Key {
        Key::new((0..32).map(|index| byte ^ index).collect::<Vec<_>>()).unwrap()
    }

    fn sealer(keyring: &Keyring) -> RecordSealer {
        RecordSealer::new(keyring).unwrap()
    }

    #[test]
    fn the_current_key_seals_and_all_keys_open() {
        let old = sealer(&Keyring::new(key(1)));
        let both = sealer(&Keyring::new(key(2)).previous(key(1)).unwrap());
        let new = sealer(&Keyring::new(key(2)));
        let [by_old, by_both] = [&old, &both].map(|sealer| sealer.seal(b"x", b"text".to_vec(), [0; 12]).unwrap());
        for (name, sealer, sealed, expected) in [
            ("old by both", &both, &by_old, Ok(b"text".to_vec())),
            ("new by both", &both, &by_both, Ok(b"text".to_vec())),
            ("new by new", &new, &by_both, Ok(b"text".to_vec())),
            ("new by old", &old, &by_both, Err(Rejected::UnknownKey)),
            ("old by new", &new, &by_old, Err(Rejected::UnknownKey)),
        ] {
            assert_eq!(sealer.unseal(b"x", sealed), expected, "{name}");
        }
        let hashes: Vec<_> = both.owner_hashes("user").collect();
        assert_eq!(hashes.first(), new.owner_hashes("user").next().as_ref());
        assert_eq!(hashes.get(1), old.owner_hashes("user").next().as_ref());
    }

    #[test]
    fn a_changed_bit_breaks_the_seal() {
        let sealer = sealer(&Keyring::new(key(1)));
        let sealed = sealer.seal(b"context", b"a record".to_vec(), [5; 12]).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.unseal(b"context", &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(sealer.unseal(b"context", &sealed[..length]).is_err(), "{length} bytes");
        }
        assert_eq!(sealer.unseal(b"contex", &sealed), Err(Rejected::Forged));
    }

    #[test]
    fn a_cookie_key_never_opens_a_record() {
        let keyring = Keyring::new(key(1));
        let sealed = sealer(&keyring).seal(b"", b"a record".to_vec(), [5; 12]).unwrap();
        use base64::Engine as _;
        let text = format!("e1.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed));
        for name in ["records", "", "session"] {
            let cookie = Sealer::new(Seal::Encrypted, &keyring, name).unwrap();
            assert_eq!(cookie.unseal(&text), Err(Rejected::Forged), "{name:?}");
        }
    }
}
