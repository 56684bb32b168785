//! A store that keeps records compressed or encrypted in another store.
//!
//! | module | what it is about |
//! |---|---|
//! | `packer` | a record's text made into the text that is kept, and back |
//! | `owners` | the names that an owner has in the index of the wrapped store |
//! | `zip` | compression, and decompression up to a limit |
//! | `store` | the trait, carried out by the wrapped store |

mod owners;
mod packer;
mod store;
mod zip;

use std::fmt;
use std::sync::Arc;

use cloakroom_session::{ConfigError, Keyring, RecordSealer};

use crate::store::Store;
use crate::stored_sessions::IntoStore;
use packer::{Packer, Sealing};

/// Keeps the records of any store compressed, encrypted, or both.
///
/// Records that were written before are read as they are, and packed at their next write, so the
/// wrapper can be put around a store that is in use. Versions, times and the rules of [`Store`] are
/// those of the wrapped store.
///
/// Every node must be able to read what any other one writes. To begin to encrypt without a moment
/// in which a node meets a record that it can't read, deploy [`decrypt`](Self::decrypt) everywhere
/// first, and then [`encrypt`](Self::encrypt); the way back is the same. Compressed records are
/// read by every `PackedStore` with the feature `compress`.
///
/// # Security
/// An encrypted record is sealed with AES-256-GCM-SIV under a key that is derived for this purpose
/// alone, and bound to its store key: a copy under another key doesn't open. The owner is kept as
/// an HMAC-SHA-256, so the index works without naming people. These limits remain:
///
/// - The wrapped store still has the store key, the times, the size, the version, and which
///   sessions have the same owner. With compression the size also depends on what the record says.
/// - A person who can write to the store can end sessions, change their times, put an older
///   copy of a record in its place, and leave sessions out of an owner's list.
/// - Records that aren't encrypted are still read, so that a store can be taken over. A person who
///   can write to the store can thus forge a session, until
///   [`only_encrypted`](Self::only_encrypted) refuses such records.
/// - A record whose key has left the keyring is an error, and not an empty session. Keep a previous
///   key as long as the longest session lives.
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
    /// Creates a wrapper that reads packed records, and packs none until an option says so.
    #[must_use]
    pub fn new(store: impl IntoStore<S>) -> Self {
        Self { store: store.into_store(), packer: Packer::default() }
    }

    /// Compresses records of more than 1 KiB that get smaller by it.
    ///
    /// Below that compression saves little: most of a small record is random. A record can be
    /// compressed up to 4 MiB; larger ones are kept as they are.
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

    /// Compresses records of more than this many bytes that get smaller by it.
    #[cfg(feature = "compress")]
    #[must_use]
    pub const fn compress_above(mut self, bytes: usize) -> Self {
        self.packer.compress_above = Some(bytes);
        self
    }

    /// Encrypts records with the current key of a keyring, and reads those of its other keys.
    ///
    /// A record of a previous key is sealed with the current one at its next write. While keys
    /// rotate, an owner's sessions are listed key by key, the oldest first within each. It may be
    /// the keyring of cookies: each purpose has its own derived keys.
    ///
    /// # Errors
    /// When a key can't be derived; with keys of a [`Keyring`] that doesn't happen.
    pub fn encrypt(self, keyring: impl Into<Keyring>) -> Result<Self, ConfigError> {
        self.sealing(keyring, Sealing::Seal)
    }

    /// Reads encrypted records, and writes new ones as they are.
    ///
    /// It is the step before [`encrypt`](Self::encrypt) where several nodes share a store, and the
    /// step after it where encryption is to end.
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

    /// Refuses records that aren't encrypted: they are an error, as damaged ones are.
    ///
    /// It goes with [`encrypt`](Self::encrypt); without that, every write is an error.
    /// Call it once all records from before are gone. It also saves a look at the index of owners
    /// by their names, which counting and listing an owner's sessions need otherwise.
    ///
    /// # Security
    /// Without it a person who can write to the store can forge sessions.
    #[must_use]
    pub const fn only_encrypted(mut self) -> Self {
        self.packer.only_encrypted = true;
        self
    }

    /// The wrapped store, where records are packed.
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
