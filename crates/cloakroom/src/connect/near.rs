//! The near cache that a URL or a configuration asks for.

use std::time::Duration;

use cloakroom_session::ConfigError;
use cloakroom_store::{AnyStore, CachedStore};

use super::ConnectError;

/// The URL option that turns the near cache on: the most bytes of memory.
pub(super) const NEAR_CACHE: &str = "near_cache";

/// The URL option for the bound of the near cache, in milliseconds.
pub(super) const BOUND: &str = "near_cache_bound";

/// The settings of a near cache. Those that are missing have the defaults of [`CachedStore`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NearCache {
    pub(crate) max_bytes: Option<usize>,
    pub(crate) bound: Option<Duration>,
}

impl NearCache {
    /// Reads the two options of a URL.
    pub(super) fn of(
        scheme: &'static str,
        bytes: Option<&str>,
        bound: Option<&str>,
    ) -> Result<Option<Self>, ConnectError> {
        let malformed = |why: String| ConnectError::malformed(scheme, why);
        let number = |text: &str| text.parse().ok().filter(|number: &u64| *number > 0);
        let bound = bound.map(|text| {
            let wrong = || malformed(format!("`{BOUND}` is a number of milliseconds, and not 0"));
            number(text).map(Duration::from_millis).ok_or_else(wrong)
        });
        let (bytes, bound) = match (bytes, bound.transpose()?) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(malformed(format!("`{BOUND}` needs `{NEAR_CACHE}`, a number of bytes"))),
            (Some(bytes), bound) => (bytes, bound),
        };
        let bytes = number(bytes).and_then(|bytes| usize::try_from(bytes).ok());
        let wrong = || malformed(format!("`{NEAR_CACHE}` is a number of bytes, and not 0"));
        Ok(Some(Self { max_bytes: Some(bytes.ok_or_else(wrong)?), bound }))
    }

    /// Wraps a store. Fails if its feed doesn't announce all changes of all processes.
    pub(crate) fn wrap(self, store: AnyStore) -> Result<AnyStore, ConfigError> {
        let mut store = CachedStore::new(store)?;
        if let Some(bytes) = self.max_bytes {
            store = store.max_bytes(bytes);
        }
        if let Some(bound) = self.bound {
            store = store.bound(bound);
        }
        Ok(AnyStore::new(store))
    }
}
