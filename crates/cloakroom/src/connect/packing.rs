//! Compression and encryption of the records in the store of a URL.

use std::fmt;

use cloakroom_session::{ConfigError, Keyring};
use cloakroom_store::{AnyStore, PackedStore};

use super::ConnectError;

/// The URL option for the size above which records are compressed.
pub(super) const COMPRESS_ABOVE: &str = "compress_above";

/// Compression and encryption of records, for [`connect_packed`](super::connect_packed).
///
/// The options are those of [`PackedStore`], which explains them.
///
/// # Examples
/// ```
/// use cloakroom::{Key, Keyring, Packing, StoredSessions, connect_packed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = Key::from_base64("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")?;
/// let store = connect_packed("memory:", Packing::new().encrypt(Keyring::new(key))).await?;
/// let sessions = StoredSessions::new(store).build()?;
/// # let _ = sessions;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Packing {
    compress_above: Option<usize>,
    sealing: Option<(Keyring, Sealing)>,
}

/// The use of a keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sealing {
    Encrypt,
    OnlyEncrypted,
    Decrypt,
}

impl Packing {
    /// Creates a packing that changes no records, but reads compressed ones.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Compresses records of more than this many bytes if that makes them smaller, like
    /// `PackedStore::compress_above` (feature `compress`).
    ///
    /// `?compress_above=1024` in a URL does the same.
    #[must_use]
    pub const fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = Some(bytes);
        self
    }

    /// Encrypts records, as [`PackedStore::encrypt`] does.
    #[must_use]
    pub fn encrypt(self, keyring: impl Into<Keyring>) -> Self {
        self.sealing(keyring, Sealing::Encrypt)
    }

    /// Encrypts records and refuses all others, as [`PackedStore::only_encrypted`] does.
    #[must_use]
    pub fn only_encrypted(self, keyring: impl Into<Keyring>) -> Self {
        self.sealing(keyring, Sealing::OnlyEncrypted)
    }

    /// Reads encrypted records and encrypts none, as [`PackedStore::decrypt`] does.
    #[must_use]
    pub fn decrypt(self, keyring: impl Into<Keyring>) -> Self {
        self.sealing(keyring, Sealing::Decrypt)
    }

    fn sealing(mut self, keyring: impl Into<Keyring>, sealing: Sealing) -> Self {
        self.sealing = Some((keyring.into(), sealing));
        self
    }

    /// Adds the threshold of a URL.
    pub(super) fn and_above(mut self, scheme: &'static str, above: Option<usize>) -> Result<Self, ConnectError> {
        if above.is_some() && self.compress_above.is_some() {
            let why = format!("`{COMPRESS_ABOVE}` is there, and in the application's configuration as well");
            return Err(ConnectError::malformed(scheme, why));
        }
        self.compress_above = self.compress_above.or(above);
        if self.compress_above.is_some() && !cfg!(feature = "compress") {
            let why = format!("`{COMPRESS_ABOVE}` needs the crate cloakroom with the feature `compress`");
            return Err(ConnectError::malformed(scheme, why));
        }
        Ok(self)
    }

    /// The store in which records are packed.
    pub(super) fn wrap(self, store: AnyStore) -> Result<AnyStore, ConfigError> {
        let mut store = PackedStore::new(store);
        #[cfg(feature = "compress")]
        if let Some(bytes) = self.compress_above {
            store = store.compress_above(bytes);
        }
        store = match self.sealing {
            None => store,
            Some((keyring, Sealing::Encrypt)) => store.encrypt(keyring)?,
            Some((keyring, Sealing::OnlyEncrypted)) => store.encrypt(keyring)?.only_encrypted(),
            Some((keyring, Sealing::Decrypt)) => store.decrypt(keyring)?,
        };
        Ok(AnyStore::new(store))
    }
}

/// Shows the ids of keys alone.
impl fmt::Debug for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packing").field("compress_above", &self.compress_above).field("sealing", &self.sealing).finish()
    }
}

/// Reads the threshold of a URL.
pub(super) fn threshold(scheme: &'static str, value: Option<String>) -> Result<Option<usize>, ConnectError> {
    let wrong = || ConnectError::malformed(scheme, format!("`{COMPRESS_ABOVE}` isn't a number of bytes"));
    value.map(|text| text.parse().map_err(|_| wrong())).transpose()
}
