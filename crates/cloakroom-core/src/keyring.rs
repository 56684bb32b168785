//! Secrets, and which of them seals and which only open.

mod text;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::ConfigError;

/// The fewest bytes of a secret: as many as HMAC-SHA256 and AES-256 have of strength.
const SHORTEST: usize = 32;

/// A secret of at least 32 bytes from which all keys of a cookie are derived.
///
/// # Security
/// Make it with a random generator and keep it out of the source. It is erased from memory when
/// dropped, and `Debug` prints the [`KeyId`] only.
///
/// # Examples
/// ```
/// use cloakroom_core::Key;
///
/// let key = Key::from_base64("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")?;
/// assert!(Key::new([0; 32]).is_err(), "zeros are no secret");
/// # Ok::<(), cloakroom_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    secret: Zeroizing<Vec<u8>>,
    id: KeyId,
}

/// Which key sealed a cookie: four bytes derived from the key, which say nothing about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// The four bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Key {
    /// A key from secret bytes.
    ///
    /// # Errors
    /// Fewer than 32 bytes, or one byte repeated.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let secret = secret.as_ref();
        if secret.len() < SHORTEST {
            let problem = format!("has {} bytes, at least {SHORTEST} are needed", secret.len());
            return Err(ConfigError::new("key", problem));
        }
        if secret.windows(2).all(|pair| pair.first() == pair.last()) {
            return Err(ConfigError::new("key", "is one byte repeated, which is no secret"));
        }
        let mut key = Self { secret: Zeroizing::new(secret.to_vec()), id: KeyId([0; 4]) };
        let mut id = [0; 4];
        key.derive(&[b"key id"], &mut id)?;
        key.id = KeyId(id);
        Ok(key)
    }

    /// A key from base64 or base64url text, padded or not, as `openssl rand -base64 32` prints it.
    ///
    /// # Errors
    /// When it isn't base64, and as [`Key::new`]. The message never quotes the text.
    pub fn from_base64(text: &str) -> Result<Self, ConfigError> {
        let text = text.trim().trim_end_matches('=');
        let secret = URL_SAFE_NO_PAD
            .decode(text)
            .or_else(|_| STANDARD_NO_PAD.decode(text))
            .map(Zeroizing::new)
            .map_err(|_| ConfigError::new("key", "isn't base64"))?;
        Self::new(&secret[..])
    }

    /// Which key this is, to people and in cookies.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Derives a key for one purpose with HKDF-SHA256 (RFC 5869). The parts of the purpose are
    /// joined by a zero byte.
    pub(crate) fn derive(&self, purpose: &[&[u8]], out: &mut [u8]) -> Result<(), ConfigError> {
        let purpose = purpose.join(&0);
        Hkdf::<Sha256>::new(Some(b"cloakroom"), &self.secret)
            .expand(&purpose, out)
            .map_err(|_| ConfigError::new("key", "can't be derived at this length"))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        use ctutils::CtEq as _;
        self.secret.len() == other.secret.len() && self.secret.as_slice().ct_eq(other.secret.as_slice()).to_bool()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// One key that seals, and others that only open.
///
/// To rotate without a moment in which some node meets a cookie that it can't read: announce the
/// new key everywhere as [`Keyring::next`], then make it the current one with the old as
/// [`Keyring::previous`], and drop the old one when the longest lifetime has passed.
///
/// # Examples
/// ```
/// use cloakroom_core::{Key, Keyring};
///
/// let (old, new) = (Key::new(b"an old secret of at least 32 bytes")?, Key::new(b"a new secret of more than 32 bytes")?);
/// let announced = Keyring::new(old.clone()).next(new.clone())?;
/// let rotated = Keyring::new(new).previous(old.clone())?;
/// assert!(rotated.previous(old).is_err(), "a repeated key is a mistake");
/// # Ok::<(), cloakroom_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keyring {
    /// The first one seals.
    keys: Vec<Key>,
}

impl Keyring {
    /// A keyring with the key that seals.
    #[must_use]
    pub fn new(current: Key) -> Self {
        Self { keys: vec![current] }
    }

    /// A key that sealed earlier. What it opens is sealed with the current key at the next write.
    ///
    /// # Errors
    /// When it is in the keyring already.
    pub fn previous(self, key: Key) -> Result<Self, ConfigError> {
        self.with(key, "previous_key")
    }

    /// A key that will seal soon: it opens what nodes ahead of this one have sealed.
    ///
    /// # Errors
    /// When it is in the keyring already.
    pub fn next(self, key: Key) -> Result<Self, ConfigError> {
        self.with(key, "next_key")
    }

    fn with(mut self, key: Key, option: &'static str) -> Result<Self, ConfigError> {
        // Two keys of one id couldn't be told apart in a cookie; of 32 bits that is as unlikely as
        // it is silent.
        if self.keys.iter().any(|there| *there == key || there.id() == key.id()) {
            return Err(ConfigError::new(option, format!("key {} is in the keyring already", key.id())));
        }
        self.keys.push(key);
        Ok(self)
    }

    /// Which keys there are, the one that seals first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(Key::id)
    }

    /// All keys, the one that seals first.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl From<Key> for Keyring {
    fn from(key: Key) -> Self {
        Self::new(key)
    }
}
