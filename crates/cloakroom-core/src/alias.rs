//! A second name of a session, for a caller that knows neither its id nor its owner.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::id::{Spelled, StoreKey};

/// The beginning of everything that is hashed. It is longer than the 32 bytes of a session id, so
/// that no cookie has the store key of an alias.
const LABEL: &[u8] = b"cloakroom: a second name of a session, 1";

/// A second name of a session: the hash of a namespace and a name.
///
/// A provider's name of a session (`sid`) is unique within its issuer only. The issuer is then the
/// namespace. Only the hash is stored, so a name may have any length, and stored data doesn't show
/// it.
///
/// # Examples
/// ```
/// use cloakroom_core::Alias;
///
/// let alias = Alias::new("https://login.example", "sid-123");
/// assert_eq!(alias, Alias::new("https://login.example", "sid-123"));
/// assert_ne!(alias, Alias::new("https://login.example.evil", "sid-123"));
/// assert_ne!(Alias::new("a", "bc"), Alias::new("ab", "c"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alias([u8; 32]);

impl Alias {
    /// Creates the alias for a name within a namespace.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        // The length separates the two parts.
        let length = (namespace.len() as u64).to_be_bytes();
        let parts = [LABEL, &length, namespace.as_bytes(), name.as_bytes()];
        Self(parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().into())
    }

    /// Returns the key under which a store keeps the owner of this alias.
    ///
    /// It is never the key of a session.
    #[must_use]
    pub const fn store_key(&self) -> StoreKey {
        StoreKey::from_bytes(self.0)
    }

    /// Returns the text form, for a record.
    pub(crate) fn spell(&self) -> Spelled {
        Spelled::new(&self.0)
    }

    /// Parses the text form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (length == bytes.len()).then_some(Self(bytes))
    }
}

impl fmt::Debug for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alias({}…)", self.store_key().prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored sessions and entries have these hashes.
    #[test]
    fn an_alias_has_the_same_hash_in_every_release() {
        let alias = Alias::new("https://login.example", "sid-123");
        assert_eq!(alias.store_key().to_hex(), "5a7d1178eb8c366d17cff9dd669bc2c82fdf46884530a176f1b6a15baf861907");
        assert_eq!(Alias::parse(alias.spell().as_str()), Some(alias));
    }

    #[test]
    fn no_session_id_has_the_key_of_an_alias() {
        assert!(LABEL.len() > 32, "an id is 32 bytes, which are hashed without a label");
    }

    #[test]
    fn only_the_text_of_32_bytes_is_an_alias() {
        let long = Spelled::new(&[7; 32]).as_str().to_owned() + "AAAA";
        for text in ["", "AAAA", "not base64 at all, is it? no, it is not!!!!", &long] {
            assert_eq!(Alias::parse(text), None, "{text}");
        }
    }
}
