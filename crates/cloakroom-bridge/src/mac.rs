//! Message authentication: HMAC with a hash of the framework's choice.

use std::fmt;
use std::sync::Arc;

use cloakroom_session::ConfigError;
use ctutils::CtEq as _;
use hmac::digest::block_api::BlockSizeUser;
use hmac::digest::{Digest, KeyInit as _};
use hmac::{Mac as _, SimpleHmac};

/// An HMAC with its key.
#[derive(Clone)]
pub(crate) struct Mac(Arc<dyn Keyed>);

trait Keyed: Send + Sync {
    fn tag(&self, parts: &[&[u8]]) -> Vec<u8>;
}

impl<D: Digest + BlockSizeUser + Clone + Send + Sync> Keyed for SimpleHmac<D> {
    fn tag(&self, parts: &[&[u8]]) -> Vec<u8> {
        // The key schedule runs once: a clone is cheaper than a new HMAC for each cookie.
        let mut mac = self.clone();
        for part in parts {
            hmac::Mac::update(&mut mac, part);
        }
        mac.finalize().into_bytes().to_vec()
    }
}

impl Mac {
    pub(crate) fn new<D>(key: &[u8]) -> Result<Self, ConfigError>
    where
        D: Digest + BlockSizeUser + Clone + Send + Sync + 'static,
    {
        let mac = SimpleHmac::<D>::new_from_slice(key);
        mac.map(|mac| Self(Arc::new(mac))).map_err(|_| ConfigError::new("secret", "can't be used at this length"))
    }

    /// Returns the tag of the concatenated parts.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> Vec<u8> {
        self.0.tag(parts)
    }

    /// Returns true if the tag belongs to these parts, in constant time.
    pub(crate) fn verifies(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        same(&self.tag(parts), tag)
    }
}

/// Compares two texts. The time taken reveals only their lengths.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.ct_eq(other).to_bool()
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(…)")
    }
}
