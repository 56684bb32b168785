//! A store that compresses or encrypts the records in another store.
//!
//! | module | contents |
//! |---|---|
//! | `packer` | packing and unpacking the text of a record |
//! | `owners` | the names of an owner in the index of the wrapped store |
//! | `sealing` | whether new records are encrypted |
//! | `zip` | compression, and decompression up to a limit |
//! | `store` | the `Store` implementation on the wrapped store |

mod owners;
mod packer;
mod sealing;
mod store;
mod zip;

use std::fmt;
use std::sync::Arc;

use cloakroom_session::factory::RecordSealer;
use cloakroom_session::{ConfigError, Keyring};

use crate::store::Store;
use crate::stored_sessions::IntoStore;
use packer::Packer;
use sealing::Sealing;

/// A wrapper that keeps the records of any store compressed, encrypted, or both.
///
/// Existing records are read as they are, and packed with their next write, so the wrapper can be
/// added to a store in use. Versions, times and the rules of [`Store`] are those of the wrapped
/// store.
///
/// Every node must be able to read the records written by any other node. To introduce encryption
/// without downtime, deploy [`decrypt`](Self::decrypt) on all nodes first, and
/// [`encrypt`](Self::encrypt) afterwards; to remove it, reverse the order. Every `PackedStore` with
/// the feature `compress` reads compressed records.
///
/// # Security
/// An encrypted record is sealed with AES-256-GCM-SIV under a key derived for this purpose, and
/// bound to its store key: a copy under another key doesn't open. The owner is stored as an
/// HMAC-SHA-256, so the owner index works without revealing names. These limits remain:
///
/// - The wrapped store still has the store key, the times, the size, the version, and which
///   sessions have the same owner. With compression, the size also depends on the contents of the
///   record.
/// - An attacker who can write to the store can end sessions, change their times, restore an older
///   copy of a record, and hide sessions from an owner's list.
/// - Unencrypted records are still read, to support a store in use. An attacker who can write to
///   the store can therefore forge a session, unless [`only_encrypted`](Self::only_encrypted)
///   rejects such records.
/// - A record whose key is no longer in the keyring is an error, and not an empty session. Keep a
///   previous key for as long as the longest session lives.
///
/// # Examples
/// ```
/// use cloakroom_session::{Key, Keyring};
/// use cloakroom_store::{MemoryStore, PackedStore, StoredSessions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keyring = Keyring::new(Key::from_base64("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")?);
/// let store = PackedStore::new(MemoryStore::new()).encrypt(keyring)?;
/// let factory = StoredSessions::new(store).build()?;
/// # let _ = factory;
/// # Ok(())
/// # }
/// ```
pub struct PackedStore<S> {
    store: Arc<S>,
    packer: Packer,
}

impl<S: Store> PackedStore<S> {
    /// Creates a wrapper that reads packed records, and packs none by default.
    #[must_use]
    pub fn new(store: impl IntoStore<S>) -> Self {
        Self { store: store.into_store(), packer: Packer::default() }
    }

    /// Compresses records of more than 1 KiB if that makes them smaller.
    ///
    /// Compressing smaller records saves little, because they mostly consist of random bytes.
    /// Records of more than 4 MiB are not compressed.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_store::{MemoryStore, PackedStore};
    ///
    /// let store = PackedStore::new(MemoryStore::new()).compress();
    /// # let _ = store;
    /// ```
    #[cfg(feature = "compress")]
    #[must_use]
    pub fn compress(self) -> Self {
        self.compress_above(1024)
    }

    /// Compresses records of more than this many bytes if that makes them smaller.
    #[cfg(feature = "compress")]
    #[must_use]
    pub const fn compress_above(mut self, bytes: usize) -> Self {
        self.packer.compress_above = Some(bytes);
        self
    }

    /// Encrypts records with the current key, and reads those of all keys.
    ///
    /// A record of a previous key is sealed with the current one when it is next written. During a
    /// key rotation, an owner's sessions are listed key by key, oldest first for each key. The
    /// keyring of the cookies can be used, because each purpose has separate derived keys.
    ///
    /// # Errors
    /// If a key can't be derived, which doesn't happen with the keys of a [`Keyring`].
    pub fn encrypt(self, keyring: impl Into<Keyring>) -> Result<Self, ConfigError> {
        self.sealing(keyring, Sealing::Seal)
    }

    /// Reads encrypted records, and writes new ones unencrypted.
    ///
    /// With several nodes, this is the step before [`encrypt`](Self::encrypt), or the step after it
    /// when encryption is being removed.
    ///
    /// # Errors
    /// As [`PackedStore::encrypt`].
    pub fn decrypt(self, keyring: impl Into<Keyring>) -> Result<Self, ConfigError> {
        self.sealing(keyring, Sealing::OpenOnly)
    }

    fn sealing(mut self, keyring: impl Into<Keyring>, sealing: Sealing) -> Result<Self, ConfigError> {
        self.packer.sealer = Some(RecordSealer::new(&keyring.into())?);
        self.packer.sealing = sealing;
        Ok(self)
    }

    /// Rejects unencrypted records with an error, as for damaged ones.
    ///
    /// Use it together with [`encrypt`](Self::encrypt); without that, every write is an error. Call
    /// it once no unencrypted records are left. It also saves index lookups under the plain names
    /// of owners, which counting and listing an owner's sessions need otherwise.
    ///
    /// # Security
    /// Without this, an attacker who can write to the store can forge sessions.
    #[must_use]
    pub const fn only_encrypted(mut self) -> Self {
        self.packer.only_encrypted = true;
        self
    }

    /// Returns the wrapped store, with packed records.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.store
    }
}

impl<S: fmt::Debug> fmt::Debug for PackedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedStore").field("store", &self.store).field("packer", &self.packer).finish()
    }
}
