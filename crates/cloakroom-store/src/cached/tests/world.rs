//! A store whose answers, hints and proofs come when a test says so.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use tokio::sync::oneshot;

use super::super::proof::{Ages, Reading};
use super::super::{BOUND, CachedStore};
use crate::entry::Entry;
use crate::error::StoreError;
use crate::feed::{Announcer, Connection, Covers, Feed};
use crate::memory::MemoryStore;
use crate::store::{Created, Loaded, Replaced, Store, delegate_store};

pub(super) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(super) const LATER: Timestamp = Timestamp::from_unix_secs(1_700_003_600);

pub(super) fn key(number: u8) -> StoreKey {
    StoreKey::from_bytes([number; 32])
}

pub(super) fn entry(text: &str) -> Entry {
    Entry::new(text.into(), NOW, NOW, Some(LATER))
}

/// The connection of the feed, once there is a listener.
type Slot = Arc<Mutex<Option<Connection>>>;

/// A store behind a network, with a feed.
#[derive(Debug)]
pub(super) struct Fake {
    pub(super) inner: Arc<MemoryStore>,
    announcer: Announcer,
    calls: AtomicUsize,
    /// Answers to hold back, one per call.
    held: Mutex<VecDeque<Held>>,
    fails: AtomicBool,
}

#[derive(Debug)]
struct Held {
    reached: oneshot::Sender<()>,
    opened: oneshot::Receiver<()>,
}

/// An answer that is held back.
pub(super) struct Gate {
    reached: Option<oneshot::Receiver<()>>,
    open: oneshot::Sender<()>,
}

impl Gate {
    /// Waits until the store has done its work.
    pub(super) async fn reached(&mut self) {
        if let Some(reached) = self.reached.take() {
            reached.await.unwrap();
        }
    }

    /// Lets the answer go to the caller.
    pub(super) fn open(self) {
        self.open.send(()).ok();
    }
}

impl Fake {
    /// Passes the answer of a call on, after the gate if there is one.
    async fn answer<T>(
        &self,
        _: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let answer = call.await;
        let held = self.held.lock().unwrap().pop_front();
        if let Some(Held { reached, opened }) = held {
            reached.send(()).ok();
            drop(opened.await);
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("the connection broke after the call"));
        }
        answer
    }

    /// Lets the answers of all calls get lost.
    pub(super) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }
}

impl Store for Fake {
    fn feed(&self) -> Option<Feed> {
        Some(self.announcer.feed())
    }

    delegate_store!(inner via answer, except feed);
}

/// A process with a near cache, and the time.
pub(super) struct World {
    pub(super) cached: Arc<CachedStore<Fake>>,
    slot: Slot,
    begin: Reading,
    passed: Arc<Mutex<Duration>>,
}

impl World {
    /// A process whose feed is connected and proven at the current time.
    pub(super) fn new() -> Self {
        Self::within(BOUND)
    }

    /// The same with another bound.
    pub(super) fn within(bound: Duration) -> Self {
        let world = Self::unconnected_within(bound);
        world.cached.listen();
        world.feed(Connection::established);
        world.prove();
        world
    }

    /// A process whose feed isn't connected yet.
    pub(super) fn unconnected() -> Self {
        Self::unconnected_within(BOUND)
    }

    fn unconnected_within(bound: Duration) -> Self {
        let slot = Slot::default();
        let to = Arc::clone(&slot);
        let announcer = Announcer::connected(Covers::Changes, move |connection| {
            *to.lock().unwrap() = Some(connection);
        });
        let inner = Arc::new(MemoryStore::new());
        let fake = Fake { inner, announcer, calls: 0.into(), held: Mutex::default(), fails: false.into() };
        let (begin, passed) = (reading(), Arc::new(Mutex::new(Duration::ZERO)));
        let clock = Arc::clone(&passed);
        let ages = Ages::by(move || {
            let passed = *clock.lock().unwrap();
            Reading { steady: begin.steady + passed, wall: begin.wall + passed }
        });
        let cached = Arc::new(CachedStore::new(fake).unwrap().bound(bound).with_ages(ages));
        Self { cached, slot, begin, passed }
    }

    /// Acts as the connection of the feed.
    pub(super) fn feed<T>(&self, act: impl FnOnce(&Connection) -> T) -> T {
        act(self.slot.lock().unwrap().as_ref().expect("there is a listener"))
    }

    /// Drops the connection's task.
    pub(super) fn drop_connection(&self) {
        let connection = self.slot.lock().unwrap().take();
        drop(connection);
    }

    /// Proves that all changes up to now were announced.
    pub(super) fn prove(&self) {
        self.feed(|connection| connection.proven(self.time()));
    }

    pub(super) fn time(&self) -> Instant {
        self.begin.steady + *self.passed.lock().unwrap()
    }

    pub(super) fn pass(&self, millis: u64) {
        *self.passed.lock().unwrap() += Duration::from_millis(millis);
    }

    /// Returns the number of calls of the store since the last question.
    pub(super) fn calls(&self) -> usize {
        self.cached.inner().calls.swap(0, Ordering::SeqCst)
    }

    /// Holds back the answer of the next call that has no gate yet.
    pub(super) fn hold(&self) -> Gate {
        let ((reached, on_reached), (open, opened)) = (oneshot::channel(), oneshot::channel());
        self.cached.inner().held.lock().unwrap().push_back(Held { reached, opened });
        Gate { reached: Some(on_reached), open }
    }

    /// Begins a load in a task.
    pub(super) fn begin_load(&self, key: StoreKey) -> tokio::task::JoinHandle<Loaded> {
        let cached = Arc::clone(&self.cached);
        tokio::spawn(async move { cached.load(&key, NOW).await.unwrap() })
    }

    /// Loads, and returns the text, or `None` if there is no session.
    pub(super) async fn text(&self, key: &StoreKey) -> Option<String> {
        text(self.cached.load(key, NOW).await.unwrap())
    }

    /// Another process creates a session.
    pub(super) async fn created(&self, key: &StoreKey, entry: &Entry) -> Version {
        let Created::Yes(version) = self.store().create(key, entry, NOW).await.unwrap() else { panic!("it is taken") };
        version
    }

    /// Another process writes; this one gets no hint.
    pub(super) async fn written(&self, key: &StoreKey, seen: &Version, text: &str) -> Version {
        let replaced = self.store().replace(key, seen.clone(), &entry(text), NOW).await.unwrap();
        let Replaced::Yes(version) = replaced else { panic!("{replaced:?}") };
        version
    }

    /// The store as another process sees it.
    pub(super) fn store(&self) -> &MemoryStore {
        &self.cached.inner().inner
    }
}

pub(super) fn text(loaded: Loaded) -> Option<String> {
    match loaded {
        Loaded::Live(_, entry) => Some(entry.text().to_string()),
        Loaded::Moved | Loaded::Absent => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "the beginning of the tests' clock")]
pub(super) fn reading() -> Reading {
    Reading { steady: Instant::now(), wall: std::time::SystemTime::now() }
}
