//! A store that waits before each call and that can break, and the sessions in it at the start.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cloakroom_session::factory::{Record, SessionId, StoreKey, Version};
use cloakroom_session::{Clock, CookieConfig, DeviceBinding, Engine, ManualClock, Timestamp};
use cloakroom_store::store::{Entry, Loaded, Replaced, Store, StoreError, all_owned, delegate_store};
use cloakroom_store::{MemoryStore, StoredSessions};

use crate::browser::{Browser, Head};
use crate::explorer::gate;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const NAME: &str = "session";
pub(crate) const OWNER: &str = "ann";

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A store as one process sees it.
#[derive(Debug)]
pub(crate) struct Gated {
    pub(crate) inner: Arc<MemoryStore>,
    /// The process crashes in its call with this number, counted from 1. The call is carried out.
    crashes_in: usize,
    calls: AtomicUsize,
    /// Other requests may run between the start of a load and its end.
    waits_for_loads: bool,
    /// `replace` ignores the version, which is a common bug.
    ignores_versions: bool,
}

impl Gated {
    pub(crate) fn new(inner: Arc<MemoryStore>) -> Self {
        Self {
            inner,
            crashes_in: usize::MAX,
            calls: AtomicUsize::new(0),
            waits_for_loads: true,
            ignores_versions: false,
        }
    }

    pub(crate) const fn crashing_in(mut self, call: usize) -> Self {
        self.crashes_in = call;
        self
    }

    pub(crate) const fn waiting_for_loads(mut self, waits: bool) -> Self {
        self.waits_for_loads = waits;
        self
    }

    pub(crate) const fn ignoring_versions(mut self, ignores: bool) -> Self {
        self.ignores_versions = ignores;
        self
    }

    async fn wait<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        gate().await;
        if method == "load" && self.waits_for_loads {
            // `StoredSessions` polls a load twice before it waits.
            gate().await;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if number > self.crashes_in {
            return Err(StoreError::unavailable("the process has crashed"));
        }
        let answer = call.await;
        if number == self.crashes_in { Err(StoreError::unavailable("the process has crashed")) } else { answer }
    }
}

impl Store for Gated {
    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let replace = async {
            let seen = match self.inner.load(key, now).await? {
                Loaded::Live(version, _) if self.ignores_versions => version,
                Loaded::Live(..) | Loaded::Moved | Loaded::Absent => seen,
            };
            self.inner.replace(key, seen, entry, now).await
        };
        self.wait("replace", replace).await
    }

    delegate_store!(inner via wait, except replace);
}

/// Returns an application on this store, at this time.
pub(crate) fn engine<S: Store>(store: Arc<S>, now: Timestamp) -> Arc<Engine> {
    with_clock(store, ManualClock::at(now))
}

/// Returns the application of a process that crashes: it must not retry for long.
pub(crate) fn crashing(store: Arc<Gated>) -> Arc<Engine> {
    bound(sessions_for(store, Duration::from_millis(50)), ManualClock::at(NOW))
}

pub(crate) fn with_clock<S: Store>(store: Arc<S>, clock: impl Clock) -> Arc<Engine> {
    bound(sessions(store), clock)
}

fn bound<S: Store>(sessions: Arc<StoredSessions<S>>, clock: impl Clock) -> Arc<Engine> {
    Arc::new(Engine::new(sessions).clock(clock).device_binding(DeviceBinding::enforce()).unwrap())
}

pub(crate) fn sessions<S: Store>(store: Arc<S>) -> Arc<StoredSessions<S>> {
    // Longer than any pause in an explored order.
    sessions_for(store, seconds(1000))
}

fn sessions_for<S: Store>(store: Arc<S>, commit_timeout: Duration) -> Arc<StoredSessions<S>> {
    let sessions = StoredSessions::new(store).cookie(CookieConfig::default().name(NAME));
    Arc::new(sessions.call_timeout(seconds(1000)).commit_timeout(commit_timeout).build().unwrap())
}

/// The state at the start of each order: a browser, and its session.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) browser: Browser,
    key: StoreKey,
    entry: Entry,
    /// The request that registers the device, or that proves it.
    pub(crate) proving: Head,
}

impl Start {
    /// Creates a store with the session.
    pub(crate) fn store(&self) -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::new());
        now_or_never(store.create(&self.key, &self.entry, NOW)).unwrap();
        store
    }

    async fn of(store: Arc<MemoryStore>, browser: Browser, proving: Head) -> Self {
        let key = SessionId::parse(&browser.jar[NAME]).unwrap().store_key();
        let Loaded::Live(_, entry) = store.load(&key, NOW).await.unwrap() else { panic!("the session is there") };
        Self { browser, key, entry, proving }
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// A session with an offer.
pub(crate) static OFFERED: LazyLock<Start> = LazyLock::new(|| {
    wait(async {
        let store = Arc::new(MemoryStore::new());
        let mut browser = Browser::new();
        let challenge = browser.sign_in(&engine(Arc::clone(&store), NOW)).await;
        let proving = browser.registration(&challenge);
        Start::of(store, browser, proving).await
    })
});

/// A session that was bound just now.
pub(crate) static BOUND: LazyLock<Start> = LazyLock::new(|| {
    wait(async {
        let store = Arc::new(MemoryStore::new());
        let browser = Browser::bound(&engine(Arc::clone(&store), NOW)).await;
        let proving = browser.refreshing();
        Start::of(store, browser, proving).await
    })
});

/// Returns the records of the owner's live sessions.
pub(crate) fn records(store: &MemoryStore) -> Vec<Arc<Record>> {
    let owned = now_or_never(all_owned(store, OWNER, NOW)).unwrap();
    owned.iter().map(|owned| owned.entry.record(&owned.key).unwrap()).collect()
}

fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the memory store doesn't wait"),
    }
}
