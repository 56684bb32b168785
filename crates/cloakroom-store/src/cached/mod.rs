//! A store whose sessions are also kept in the memory of this process.
//!
//! | module | contents |
//! |---|---|
//! | `proof` | the age of the proof that copies are up to date |
//! | `kept` | entries in memory, up to a number of bytes |
//! | `shard` | the copies under some of the keys, and the loads in progress |
//! | `near` | all copies, and the events that invalidate them |
//! | `stats` | event counters |
//! | `store` | the `Store` implementation on the wrapped store |

mod kept;
mod near;
mod proof;
mod shard;
mod stats;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_session::{ConfigError, Timestamp, meter};

use crate::entry::Entry;
use crate::feed::{Covers, Feed, Reach, Subscription};
use crate::store::Store;
use crate::stored_sessions::IntoStore;
use near::Near;
use proof::Ages;
pub use stats::CacheStats;
use stats::Event;

/// The default of [`CachedStore::bound`].
const BOUND: Duration = Duration::from_secs(1);

/// The default of [`CachedStore::max_bytes`].
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A wrapper that keeps sessions in memory, and learns from the store's feed when they change.
///
/// A session that was read before is opened without a call of the store. A request that reads and
/// writes makes one call. It pays where sessions are read far more often than they are written and
/// touched, and where the requests of a visitor reach few nodes: see the guide's page "A near
/// cache". For a store in this process there is nothing to gain.
///
/// # Guarantee
/// **A request that begins more than [`bound`](Self::bound) after a write was acknowledged sees
/// that write, on every node**, also if a node is paused or the network is partitioned. A node that
/// can't prove this asks the store, as without a cache. Three more rules hold at any time:
///
/// - Commits are always right: they compare versions in the store. A stale read costs a conflict,
///   after which the changes are replayed on the newest version.
/// - [`Store::load_latest`] asks the store. It is used by
///   [`Session::refresh`](cloakroom_session::Session::refresh), which a handler that must know
///   calls first, for example before `require_recent`.
/// - A write of this process invalidates its copy before it is sent and when it returns. The next
///   request of this process sees it.
///
/// A client that writes on one node and reads on another within the bound may read the older
/// version.
///
/// # Security
/// For at most the bound, a session that was ended on one node can still be read on another one.
/// Values are kept unencrypted in memory if this is the outermost wrapper. `Debug` shows none.
///
/// # Examples
/// ```
/// use cloakroom_store::{CachedStore, MemoryStore, StoredSessions};
///
/// # fn main() -> Result<(), cloakroom_session::ConfigError> {
/// # let store = MemoryStore::new();
/// let sessions = StoredSessions::new(CachedStore::new(store)?).build()?;
/// assert_eq!(sessions.store().stats().hits, 0);
/// # Ok(())
/// # }
/// ```
pub struct CachedStore<S> {
    store: Arc<S>,
    feed: Feed,
    near: Arc<Near>,
    /// Made by the first load, because it needs a runtime.
    subscription: OnceLock<Subscription>,
    ages: Ages,
    bound: Duration,
}

impl<S: Store> CachedStore<S> {
    /// Wraps a store that has a feed of all changes.
    ///
    /// # Errors
    /// If the store's [feed](Store::feed) is missing, announces only
    /// [endings](Covers::Endings), or only the changes of [this process](Reach::ThisProcess):
    /// copies would be stale without any sign of it.
    pub fn new(store: impl IntoStore<S>) -> Result<Self, ConfigError> {
        let store = store.into_store();
        let refused = |why| Err(ConfigError::new("near_cache", why));
        let Some(feed) = store.feed() else {
            return refused("needs a store that announces its changes; this one has no feed");
        };
        if feed.covers() < Covers::Changes {
            return refused("needs a store that announces all changes; this one announces only ended sessions");
        }
        if feed.reach() < Reach::AllProcesses {
            return refused("needs a store that announces the changes of all processes; this one doesn't");
        }
        let near = Arc::new(Near::new(MAX_BYTES));
        Ok(Self { store, feed, near, subscription: OnceLock::new(), ages: Ages::default(), bound: BOUND })
    }

    /// Sets the age that the proof of a copy may have. The default is one second.
    ///
    /// A shorter bound costs hits while the feed's proof is older: that of Redis is renewed four
    /// times a second. With zero, a feed on a connection gives no hits.
    ///
    /// # Security
    /// A longer bound prolongs the time for which another node may still read an ended session.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use cloakroom_store::{CachedStore, MemoryStore};
    ///
    /// let store = CachedStore::new(MemoryStore::new())?.bound(Duration::from_millis(600));
    /// # let _ = store;
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn bound(mut self, bound: Duration) -> Self {
        self.bound = bound;
        self
    }

    /// Limits the memory for copies, in bytes. The default is 64 MiB.
    ///
    /// The size of a copy is estimated: twice its text and half a kilobyte. The least recently used
    /// ones are evicted. A session that needs more than a thirty-second of the limit isn't kept.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_store::{CachedStore, MemoryStore};
    ///
    /// let store = CachedStore::new(MemoryStore::new())?.max_bytes(16 * 1024 * 1024);
    /// # let _ = store;
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.near = Arc::new(Near::new(bytes));
        // A subscription belongs to the copies that it invalidates.
        self.subscription = OnceLock::new();
        self
    }

    /// Returns the wrapped store.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.store
    }

    /// Returns the event counters since the store was wrapped, and the size of the cache.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_store::{CachedStore, MemoryStore};
    ///
    /// let stats = CachedStore::new(MemoryStore::new())?.stats();
    /// assert_eq!((stats.hits, stats.misses, stats.copies), (0, 0, 0));
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let (copies, bytes) = self.near.size();
        let proof_age = self.feed.proven_at().and_then(|at| self.ages.of(at).1);
        CacheStats { copies, bytes, proof_age, ..self.near.counters.snapshot() }
    }

    /// Returns the copy of a session, if it is proven to be recent.
    fn hit(&self, key: &StoreKey, now: Timestamp) -> Option<(Version, Entry)> {
        self.listen();
        // The order matters. Changes from before the proof have been invalidated when the copy is
        // looked up, and the time is read after the proof.
        let proof = self.feed.proven_at().and_then(|proven_at| {
            let (now, age) = self.ages.of(proven_at);
            Some((now, age.filter(|age| *age <= self.bound)?))
        });
        let Some((steady, proof_age)) = proof else {
            self.near.counters.count(Event::Unproven);
            return None;
        };
        let Some((version, entry, since)) = self.near.get(key, now) else {
            self.near.counters.count(Event::Miss);
            return None;
        };
        self.near.counters.count(Event::Hit);
        meter::cache_hit(steady.saturating_duration_since(since), proof_age);
        Some((version, entry))
    }

    /// Subscribes to the feed, unless that has been done.
    fn listen(&self) {
        self.subscription.get_or_init(|| self.feed.subscribe(Arc::clone(&self.near) as Arc<_>));
    }

    /// Measures the age of proofs by these clocks, the monotonic one and the wall clock.
    ///
    /// For simulations, whose time isn't that of the machine.
    #[doc(hidden)]
    #[must_use]
    pub fn clocks(mut self, read: impl Fn() -> (Instant, SystemTime) + Send + Sync + 'static) -> Self {
        self.ages = Ages::by(move || {
            let (steady, wall) = read();
            proof::Reading { steady, wall }
        });
        self
    }

    #[cfg(test)]
    fn with_ages(mut self, ages: Ages) -> Self {
        self.ages = ages;
        self
    }
}

impl<S: fmt::Debug> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("store", &self.store)
            .field("bound", &self.bound)
            .field("near", &self.near)
            .finish_non_exhaustive()
    }
}
