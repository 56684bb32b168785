//! A store whose feed the test controls, and an application whose clock follows tokio's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::{SessionId, StoreKey, Version};
use cloakroom_session::{Clock, CookieConfig, Engine, Session, Timestamp};
use cloakroom_store::store::feed::{Announcer, Connection, Covers, Feed, Reach};
use cloakroom_store::store::{Entry, Loaded, Replaced, Store, StoreError, delegate_store};
use cloakroom_store::{MemoryStore, StoredSessions, StoredSessionsBuilder};
use tokio::sync::Semaphore;
use tokio::time::Instant;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const NAME: &str = "session";

/// A clock that moves with tokio's time, which a test may pause.
#[derive(Clone, Debug)]
pub(crate) struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        NOW + self.0.elapsed()
    }
}

/// The feed of a [`Fed`] store.
#[derive(Debug)]
enum Source {
    /// That of the wrapped store.
    Own,
    /// None.
    None,
    /// Hints come from the test.
    Test(Announcer),
}

/// A memory store with another feed, that counts its loads.
#[derive(Debug)]
pub(crate) struct Fed {
    inner: MemoryStore,
    source: Source,
    pub(crate) connections: Arc<Mutex<Vec<Connection>>>,
    pub(crate) loads: AtomicUsize,
    in_flight: AtomicUsize,
    pub(crate) most_in_flight: AtomicUsize,
    is_down: Mutex<bool>,
    panics: Mutex<bool>,
    /// Closed gates hold back the answers of loads.
    gate: Semaphore,
}

const OPEN: usize = 1 << 20;

impl Fed {
    fn with(source: Source) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(),
            source,
            connections: Arc::default(),
            loads: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            is_down: Mutex::new(false),
            panics: Mutex::new(false),
            gate: Semaphore::new(OPEN),
        })
    }

    pub(crate) fn with_own_feed() -> Arc<Self> {
        Self::with(Source::Own)
    }

    pub(crate) fn without_feed() -> Arc<Self> {
        Self::with(Source::None)
    }

    /// Processes other than this one aren't heard.
    pub(crate) fn with_hints_of_this_process() -> Arc<Self> {
        Self::with(Source::Test(Announcer::in_process(Covers::Endings, Reach::ThisProcess)))
    }

    /// All hints come from the [connection](Self::connection).
    pub(crate) fn with_test_feed() -> Arc<Self> {
        let connections = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&connections);
        let announcer = Announcer::connected(Covers::Endings, move |connection| kept.lock().unwrap().push(connection));
        let mut fed = Self::with(Source::Test(announcer));
        Arc::get_mut(&mut fed).unwrap().connections = connections;
        fed
    }

    /// Calls the connection that was made last.
    pub(crate) fn connection<T>(&self, act: impl FnOnce(&Connection) -> T) -> T {
        act(self.connections.lock().unwrap().last().expect("nothing has subscribed"))
    }

    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    pub(crate) fn is_down(&self, is_down: bool) {
        *self.is_down.lock().unwrap() = is_down;
    }

    pub(crate) fn panics(&self, panics: bool) {
        *self.panics.lock().unwrap() = panics;
    }

    pub(crate) async fn close_gate(&self) {
        self.gate.acquire_many(OPEN as u32).await.unwrap().forget();
    }

    pub(crate) fn open_gate(&self) {
        self.gate.add_permits(OPEN);
    }
}

impl Store for Fed {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        assert!(!*self.panics.lock().unwrap(), "the store panics");
        if *self.is_down.lock().unwrap() {
            return Err(StoreError::unavailable("connection refused"));
        }
        let loading = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(loading, Ordering::SeqCst);
        let loaded = self.inner.load(key, now).await;
        let _permit = self.gate.acquire().await.unwrap();
        tokio::task::yield_now().await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        loaded
    }

    async fn cycle(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let moved = self.inner.cycle(old, seen, new, entry, moved_until, now).await;
        // The hint is there, and the answer isn't.
        tokio::time::sleep(Duration::from_millis(100)).await;
        moved
    }

    fn feed(&self) -> Option<Feed> {
        match &self.source {
            Source::Own => self.inner.feed(),
            Source::None => None,
            Source::Test(announcer) => Some(announcer.feed()),
        }
    }

    delegate_store!(inner, except load cycle feed);
}

/// An application on one node.
pub(crate) struct Node<S> {
    pub(crate) sessions: Arc<StoredSessions<S>>,
    engine: Arc<Engine>,
    pub(crate) clock: TokioClock,
}

impl<S: Store> Node<S> {
    pub(crate) fn new(store: Arc<S>) -> Self {
        Self::with(store, |sessions| sessions)
    }

    pub(crate) fn with(
        store: Arc<S>,
        options: impl FnOnce(StoredSessionsBuilder<S>) -> StoredSessionsBuilder<S>,
    ) -> Self {
        let clock = TokioClock(Instant::now());
        let builder = options(StoredSessions::new(store).cookie(CookieConfig::default().name(NAME)));
        let sessions = Arc::new(builder.build().unwrap());
        let engine = Arc::new(Engine::new(Arc::clone(&sessions)).clock(clock.clone()));
        Self { sessions, engine, clock }
    }

    /// Opens a request with this `Cookie` header.
    pub(crate) async fn open(&self, cookie: &str) -> (SessionSlot, Session) {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap();
        (slot, session)
    }

    /// Runs a whole request. Returns the browser's cookie afterwards.
    pub(crate) async fn visit(&self, cookie: &str, handler: impl FnOnce(&Session)) -> String {
        let (slot, session) = self.open(cookie).await;
        handler(&session);
        let effects = slot.finish(200).await.unwrap();
        let set = effects.cookies.first().map(ToString::to_string);
        set.map_or_else(|| cookie.to_owned(), |line| line.split(';').next().unwrap().to_owned())
    }

    /// Begins a session. Returns its cookie.
    pub(crate) async fn begin(&self) -> String {
        self.visit("", |session| session.insert("count", 1).unwrap()).await
    }

    /// Begins a stream: a request whose response has been sent.
    pub(crate) async fn stream(&self, cookie: &str) -> Session {
        let (slot, session) = self.open(cookie).await;
        slot.finish(200).await.unwrap();
        session
    }
}

/// Lets all other tasks do what they can do without a timer.
pub(crate) async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns the store key of a `Cookie` header.
pub(crate) fn key_of(cookie: &str) -> StoreKey {
    let id = cookie.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('=')).unwrap();
    SessionId::parse(id).unwrap().store_key()
}
