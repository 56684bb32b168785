//! Hash maps whose keys are already hashes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use cloakroom_session::factory::StoreKey;

/// A map by store key that doesn't hash the key again.
///
/// Only keys of sessions that this process created are inserted. Those are SHA-256 hashes of random
/// bytes, so a client cannot choose keys that collide.
pub(crate) type Keyed<V> = HashMap<StoreKey, V, BuildHasherDefault<Last>>;

/// A hasher that returns the last eight bytes of its input.
#[derive(Debug, Default)]
pub(crate) struct Last(u64);

impl Hasher for Last {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_ne_bytes(*last);
        }
    }

    /// Ignores the length, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
