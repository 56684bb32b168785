//! Maps whose keys are hashes already.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use cloakroom_session::StoreKey;

/// A map by store key that doesn't hash it once more.
///
/// Only keys of sessions that we made are ever put into one, and those are SHA-256 of random bytes:
/// nobody can choose them so that they meet in one place.
pub(crate) type Keyed<V> = HashMap<StoreKey, V, BuildHasherDefault<Last>>;

/// The last eight bytes of what is hashed.
#[derive(Debug, Default)]
pub(crate) struct Last(u64);

impl Hasher for Last {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_ne_bytes(*last);
        }
    }

    /// The length, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
