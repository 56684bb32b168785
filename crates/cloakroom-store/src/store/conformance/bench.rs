//! The test bench of a check: the store, fresh keys, seeded choices, and failure messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(super) use cloakroom_session::factory::conformance::verdict::{Outcome, Wrong, ensure, same};
use cloakroom_session::factory::{StoreKey, Version, fresh_id, random};
use cloakroom_session::{Clock as _, CookieConfig, SystemClock, Timestamp};
use tokio::sync::Barrier;

use crate::entry::Entry;
use crate::store::{Created, Loaded, Replaced, Store};
use crate::stored_sessions::StoredSessions;

/// Long enough that a store that expires entries by its own clock never does so during a check.
pub(super) const LIFE: Duration = Duration::from_secs(20 * 60);
pub(super) const GRACE: Duration = Duration::from_secs(10 * 60);
/// A store accepts at least one key in a thousand for a move.
const MOST_KEYS: usize = 20_000;
pub(super) const MILLISECOND: Duration = Duration::from_millis(1);

/// Returns the version of the given write under a key, counted from 1.
///
/// # Examples
/// ```
/// use cloakroom_session::Timestamp;
/// use cloakroom_session::factory::Version;
/// use cloakroom_store::store::{Entry, conformance::nth};
///
/// let now = Timestamp::from_unix_secs(1_700_000_000);
/// let [first, second] = ["one", "two"].map(|text| Entry::new(text.into(), now, now, None));
/// let version = first.next_version(None);
/// assert_eq!(nth(1, &first), version);
/// assert_eq!(nth(2, &second), second.next_version(Some(&version)));
/// ```
#[must_use]
pub fn nth(write: u64, entry: &Entry) -> Version {
    (1..write).fold(entry.next_version(None), |seen, _| entry.next_version(Some(&seen)))
}

/// A store under test.
#[derive(Debug)]
pub(super) struct Bench<S> {
    pub(super) store: Arc<S>,
    pub(super) rounds: usize,
    /// The size of the largest text, in bytes.
    pub(super) largest: usize,
    /// The time of the check: about the real time, except in checks of clocks.
    pub(super) now: Timestamp,
    seed: u64,
    state: Arc<AtomicU64>,
}

impl<S> Clone for Bench<S> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), state: Arc::clone(&self.state), ..*self }
    }
}

impl<S: Store> Bench<S> {
    pub(super) fn new(store: Arc<S>, rounds: usize, largest: usize, seed: Option<u64>) -> Result<Self, String> {
        let random = random().map(u64::from_le_bytes).map_err(|error| error.to_string())?;
        let seed = seed.unwrap_or(random);
        Ok(Self { store, rounds, largest, now: SystemClock.now(), seed, state: Arc::new(AtomicU64::new(seed)) })
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) const fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Returns a random number below `limit` (SplitMix64).
    pub(super) fn below(&self, limit: u64) -> u64 {
        let mut z = self.state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit.max(1)
    }

    /// Returns a key that is used by no other check or run.
    pub(super) fn key(&self) -> Result<StoreKey, Wrong> {
        Ok(fresh_id()?.store_key())
    }

    /// Returns such a key to which a session under `old` can move.
    pub(super) fn key_for_move(&self, old: &StoreKey) -> Result<StoreKey, Wrong> {
        for _ in 0..MOST_KEYS {
            let key = self.key()?;
            if self.store.can_cycle(old, &key) {
                return Ok(key);
            }
        }
        Err(Wrong::new(format!("the store accepts none of {MOST_KEYS} keys for a move")))
    }

    pub(super) fn entry(&self, text: &str) -> Entry {
        Entry::new(text.into(), self.now, self.now, Some(self.now + LIFE))
    }

    /// Returns a new factory, as another process of an application has it.
    ///
    /// It is patient, because checks look for lost updates and escaped sessions, not for speed. A
    /// store that takes no writes fails at once, instead of at the end of the patience.
    pub(super) async fn sessions(&self, cookie: &str) -> Result<Arc<StoredSessions<S>>, Wrong> {
        let key = self.put(&self.entry("a store takes writes")).await?;
        self.store.end(&key, self.now).await?;
        let patient = Duration::from_secs(60);
        let sessions = StoredSessions::new(Arc::clone(&self.store))
            .cookie(CookieConfig::default().name(cookie))
            .call_timeout(patient)
            .commit_timeout(patient);
        sessions.build().map(Arc::new).map_err(|error| Wrong::new(error.to_string()))
    }

    pub(super) async fn put(&self, entry: &Entry) -> Result<StoreKey, Wrong> {
        let key = self.key()?;
        self.put_under(&key, entry).await?;
        Ok(key)
    }

    pub(super) async fn put_under(&self, key: &StoreKey, entry: &Entry) -> Outcome {
        let created = self.store.create(key, entry, self.now).await?;
        same("create under a fresh key", &created, &Created::Yes(nth(1, entry)))
    }

    /// Creates a session and moves it. Returns its old and its new key.
    pub(super) async fn moved(&self, entry: &Entry) -> Result<(StoreKey, StoreKey), Wrong> {
        let old = self.put(entry).await?;
        let new = self.cycle(&old, entry).await?;
        Ok((old, new))
    }

    pub(super) async fn cycle(&self, old: &StoreKey, entry: &Entry) -> Result<StoreKey, Wrong> {
        let new = self.key_for_move(old)?;
        let moved = self.store.cycle(old, nth(1, entry), &new, entry, self.now + GRACE, self.now).await?;
        same("cycle of a live session", &moved, &Replaced::Yes(nth(1, entry)))?;
        Ok(new)
    }

    pub(super) async fn live(&self, what: &str, key: &StoreKey, writes: u64, entry: &Entry) -> Outcome {
        self.found(what, key, self.now, &Loaded::Live(nth(writes, entry), entry.clone())).await
    }

    pub(super) async fn absent(&self, what: &str, key: &StoreKey) -> Outcome {
        self.found(what, key, self.now, &Loaded::Absent).await
    }

    pub(super) async fn found(&self, what: &str, key: &StoreKey, now: Timestamp, expected: &Loaded) -> Outcome {
        same(what, &self.store.load(key, now).await?, expected)
    }
}

/// Runs two different operations at the same moment.
pub(super) async fn both<A, B, E, F>(
    one: impl Future<Output = Result<A, E>> + Send + 'static,
    other: impl Future<Output = Result<B, F>> + Send + 'static,
) -> Result<(A, B), Wrong>
where
    A: Send + 'static,
    B: Send + 'static,
    E: Into<Wrong> + Send + 'static,
    F: Into<Wrong> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(2));
    let theirs = Arc::clone(&barrier);
    let one = tokio::spawn(async move {
        barrier.wait().await;
        one.await
    });
    let other = tokio::spawn(async move {
        theirs.wait().await;
        other.await
    });
    Ok((one.await?.map_err(Into::into)?, other.await?.map_err(Into::into)?))
}
