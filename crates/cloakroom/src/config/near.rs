//! Options of the near cache.

use cloakroom_session::ConfigError;
use serde::Deserialize;

use super::error::SetupError;
use super::span::Span;

/// Options of the near cache. An empty table turns it on, too.
///
/// See `CachedStore`, which explains its guarantee.
///
/// # Security
/// For at most the bound, a session that was ended on one node can still be read on another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct NearCacheOptions {
    /// The most memory for copies, in bytes. The default is 64 MiB.
    pub max_bytes: Option<usize>,
    /// The age that a copy's proof may have. The default is one second.
    pub bound: Option<Span>,
}

impl NearCacheOptions {
    pub(super) fn check(self) -> Result<(), SetupError> {
        if self.max_bytes == Some(0) {
            return Err(ConfigError::new("near_cache.max_bytes", "is 0: nothing would be kept").into());
        }
        let Some(bound) = self.bound else { return Ok(()) };
        match bound.duration() {
            None => {
                Err(ConfigError::new("near_cache.bound", "can't be never: ended sessions would stay readable").into())
            }
            Some(bound) if bound.is_zero() => {
                Err(ConfigError::new("near_cache.bound", "is 0: no copy would be used").into())
            }
            Some(_) => Ok(()),
        }
    }

    #[cfg(feature = "store")]
    pub(super) fn near_cache(self) -> crate::connect::NearCache {
        crate::connect::NearCache { max_bytes: self.max_bytes, bound: self.bound.and_then(Span::duration) }
    }
}
