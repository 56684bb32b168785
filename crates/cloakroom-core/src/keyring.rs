//! Secrets: one current key that seals, and other keys that only open.

mod text;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::ConfigError;

/// The minimum length of a secret, which is the strength of HMAC-SHA256 and AES-256.
const SHORTEST: usize = 32;

/// A secret of at least 32 bytes from which all keys of a cookie are derived.
///
/// # Security
/// Generate it with a random generator, and keep it out of the source code. It is erased from
/// memory when dropped, and `Debug` prints only the [`KeyId`].
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

/// The id of the key that sealed a cookie.
///
/// It consists of four bytes derived from the key, which reveal nothing about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// Returns the four bytes.
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
    /// Creates a key from secret bytes.
    ///
    /// # Errors
    /// Returns an error for fewer than 32 bytes, or for one byte repeated.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Key;
    ///
    /// assert!(Key::new(b"a secret of at least 32 random bytes").is_ok());
    /// assert_eq!(Key::new(b"too short").unwrap_err().option(), "key");
    /// ```
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

    /// Creates a key from base64 or base64url text, padded or not.
    ///
    /// The output of `openssl rand -base64 32` has this format.
    ///
    /// # Errors
    /// Returns an error if the text isn't base64, and the errors of [`Key::new`]. The message never
    /// quotes the text.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Key;
    ///
    /// let padded = Key::from_base64("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")?;
    /// let unpadded = Key::from_base64("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA")?;
    /// assert_eq!(padded, unpadded);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn from_base64(text: &str) -> Result<Self, ConfigError> {
        let text = text.trim().trim_end_matches('=');
        let secret = URL_SAFE_NO_PAD
            .decode(text)
            .or_else(|_| STANDARD_NO_PAD.decode(text))
            .map(Zeroizing::new)
            .map_err(|_| ConfigError::new("key", "isn't base64"))?;
        Self::new(&secret[..])
    }

    /// Returns the key's id, which cookies and log messages contain.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Key;
    ///
    /// let key = Key::new(b"a secret of at least 32 random bytes")?;
    /// assert_eq!(key.id().to_string().len(), 8);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Derives a key for one purpose with HKDF-SHA256 (RFC 5869). The parts of the purpose are
    /// joined with a zero byte.
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
/// To rotate keys without rejecting cookies on any node: announce the new key on all nodes as
/// [`Keyring::next`], then make it the current key with the old one as [`Keyring::previous`], and
/// remove the old key when the longest lifetime has passed.
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
    /// The first key seals.
    keys: Vec<Key>,
}

impl Keyring {
    /// Creates a keyring with the key that seals.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Key, Keyring};
    ///
    /// let key = Key::new(b"a secret of at least 32 random bytes")?;
    /// let id = key.id();
    /// assert_eq!(Keyring::new(key).ids().collect::<Vec<_>>(), [id]);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn new(current: Key) -> Self {
        Self { keys: vec![current] }
    }

    /// Adds a key that sealed earlier.
    ///
    /// A cookie that it opens is sealed with the current key at the next write.
    ///
    /// # Errors
    /// Returns an error if the keyring already contains the key.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Key, Keyring};
    ///
    /// let old = Key::new(b"an old secret of at least 32 bytes")?;
    /// let new = Key::new(b"a new secret of more than 32 bytes")?;
    /// assert_eq!(Keyring::new(new).previous(old)?.ids().count(), 2);
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn previous(self, key: Key) -> Result<Self, ConfigError> {
        self.with(key, "previous_key")
    }

    /// Adds a key that will seal soon. It opens cookies of nodes that already use it.
    ///
    /// # Errors
    /// Returns an error if the keyring already contains the key.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Key, Keyring};
    ///
    /// let current = Key::new(b"an old secret of at least 32 bytes")?;
    /// let announced = Key::new(b"a new secret of more than 32 bytes")?;
    /// let keyring = Keyring::new(current.clone()).next(announced)?;
    /// assert_eq!(keyring.ids().next(), Some(current.id()), "the current key still seals");
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn next(self, key: Key) -> Result<Self, ConfigError> {
        self.with(key, "next_key")
    }

    fn with(mut self, key: Key, option: &'static str) -> Result<Self, ConfigError> {
        // Two keys with the same id can't be told apart in a cookie. A collision of 32 bits is
        // unlikely, but would go unnoticed.
        if self.keys.iter().any(|there| *there == key || there.id() == key.id()) {
            return Err(ConfigError::new(option, format!("key {} is in the keyring already", key.id())));
        }
        self.keys.push(key);
        Ok(self)
    }

    /// Returns the ids of all keys, the sealing key first.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::{Key, Keyring};
    ///
    /// let key = Key::new(b"a secret of at least 32 random bytes")?;
    /// for id in Keyring::new(key).ids() {
    ///     println!("key {id}"); // comparing the ids of two nodes shows whether they have the same keys
    ///     assert_eq!(id.to_string().len(), 8);
    /// }
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(Key::id)
    }

    /// Returns all keys, the sealing key first.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl From<Key> for Keyring {
    fn from(key: Key) -> Self {
        Self::new(key)
    }
}
