//! The application of these tests, without its framework.

use std::future::Future;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::factory::StoreKey;
use cloakroom::store::{Created, Entry, Replaced, Store, StoreError, Version, delegate_store};
use cloakroom::{
    Clock as _, CookieConfig, DeviceBinding, Engine, Error, ManualClock, MemoryStore, Session, StoredSessions,
    Timestamp,
};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A store that notes its calls, and that can be down.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    store: MemoryStore,
    calls: Mutex<Vec<&'static str>>,
    outage: AtomicU8,
    largest: AtomicUsize,
}

/// The calls that fail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outage {
    None,
    All,
    Writes,
    /// The next write is carried out. Its answer is lost, and all later calls fail.
    Answer,
}

impl Noted {
    async fn note<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.calls.lock().unwrap().push(method);
        let outage = self.outage.load(Ordering::SeqCst);
        if outage == Outage::All as u8 || outage == Outage::Writes as u8 && method != "load" {
            return Err(StoreError::unavailable("the network is down"));
        }
        let answer = call.await;
        if outage == Outage::Answer as u8 && method != "load" {
            self.fail(Outage::All);
            return Err(StoreError::unavailable("the answer was lost"));
        }
        answer
    }

    /// Returns the calls since the last question.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    pub(crate) fn fail(&self, outage: Outage) {
        self.outage.store(outage as u8, Ordering::SeqCst);
    }

    /// Returns the bytes of the largest record.
    pub(crate) fn largest(&self) -> usize {
        self.largest.load(Ordering::SeqCst)
    }

    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }
}

impl Store for Noted {
    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.largest.fetch_max(entry.text().len(), Ordering::SeqCst);
        self.note("replace", self.store.replace(key, seen, entry, now)).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        self.largest.fetch_max(entry.text().len(), Ordering::SeqCst);
        self.note("create", self.store.create(key, entry, now)).await
    }

    delegate_store!(store via note, except create replace);
}

/// The state that outlives a request: the store and the clock.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) sessions: Arc<StoredSessions<Noted>>,
    pub(crate) store: Arc<Noted>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::with_cookie(CookieConfig::default())
    }

    /// The state of an application with another cookie.
    pub(crate) fn with_cookie(cookie: CookieConfig) -> Self {
        let store = Arc::new(Noted::default());
        let sessions = Arc::new(StoredSessions::new(Arc::clone(&store)).cookie(cookie).build().unwrap());
        Self { sessions, store, clock: Arc::new(ManualClock::at(NOW)) }
    }

    pub(crate) fn engine(&self, binding: DeviceBinding) -> Engine {
        self.plain_engine().device_binding(binding).unwrap()
    }

    /// The engine of an application that binds no sessions.
    pub(crate) fn plain_engine(&self) -> Engine {
        Engine::new(Arc::clone(&self.sessions)).clock(Arc::clone(&self.clock))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn wait(&self, span: Duration) {
        self.clock.set(self.now() + span);
    }
}

/// Handles a request, and returns the text of the response. Changes are made on GET, so that only
/// the endpoints need POST.
pub(crate) async fn handle(path: &str, session: &Session) -> Result<String, Error> {
    match path.strip_prefix("/admin").unwrap_or(path) {
        "/sign-in" => {
            session.sign_in("anna");
            session.bind_device()?;
        }
        "/early" => {
            session.sign_in("anna");
            session.bind_device()?;
            session.commit_now().await?;
        }
        "/welcome" => session.sign_in("anna"),
        "/again" => session.bind_device()?,
        "/sign-out" => {
            session.invalidate();
            session.clear_site_data();
        }
        "/write" => session.update("writes", |writes: &mut u32| *writes += 1)?,
        "/cycle" => session.reauthenticated(),
        "/pay" | "//evil.example/pay" | "/\\evil.example/pay" => session.demand_proof(seconds(30))?,
        _ => {}
    }
    Ok(format!("{} {:?}", session.owner().unwrap_or_else(|| "visitor".to_owned()), session.proof()))
}
