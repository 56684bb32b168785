//! A store that can be made to fail, and applications with a manual clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::StoreKey;
use cloakroom_session::{CookieConfig, Engine, Error, ManualClock, Session, Timestamp};
use cloakroom_store::store::{Checkup, Created, Entry, Store, StoreError, delegate_store};
use cloakroom_store::{MemoryStore, StoredSessions, StoredSessionsBuilder};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const NAME: &str = "session";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Works,
    Down,
    Hangs,
    /// Each call takes 100 milliseconds.
    Slow,
    /// Each call takes 5 milliseconds.
    Near,
    /// Each call is executed, and its answer is lost.
    Lost,
    /// Reads happen at once, but their answers take 5 milliseconds.
    FarAway,
    /// The next write is not executed, and gets no answer.
    FailsOnce,
    /// The next write is executed, and its answer is lost.
    LostOnce,
    /// The next write is not executed, and then the store is down.
    FailsThenDown,
    /// The next write is executed, its answer is lost, and then the store is down.
    LostThenDown,
    /// Another session takes this many of the new keys just before they are created.
    Taken(usize),
}

#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    mode: Mutex<Mode>,
    pub(crate) calls: AtomicUsize,
    /// The time that the server reports, if any.
    pub(crate) clock: Mutex<Option<Timestamp>>,
}

impl Faulty {
    pub(crate) fn new() -> Arc<Self> {
        let inner = MemoryStore::new();
        Arc::new(Self { inner, mode: Mutex::new(Mode::Works), calls: AtomicUsize::new(0), clock: Mutex::default() })
    }

    pub(crate) fn be(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    async fn answer(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mode = *self.mode.lock().unwrap();
        match mode {
            Mode::Works
            | Mode::Taken(_)
            | Mode::Lost
            | Mode::FarAway
            | Mode::FailsOnce
            | Mode::LostOnce
            | Mode::FailsThenDown
            | Mode::LostThenDown => Ok(()),
            Mode::Slow | Mode::Near => {
                let millis = if mode == Mode::Slow { 100 } else { 5 };
                tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
                Ok(())
            }
            Mode::Down => Err(StoreError::unavailable("connection refused")),
            Mode::Hangs => std::future::pending().await,
        }
    }

    fn answered<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        let mut mode = self.mode.lock().unwrap();
        if !matches!(*mode, Mode::Lost | Mode::LostOnce | Mode::LostThenDown) {
            return answer;
        }
        if *mode == Mode::LostOnce {
            *mode = Mode::Works;
        } else if *mode == Mode::LostThenDown {
            *mode = Mode::Down;
        }
        Err(StoreError::unavailable("the connection was lost"))
    }

    /// Runs before each write.
    async fn write(&self) -> Result<(), StoreError> {
        self.answer().await?;
        let mut mode = self.mode.lock().unwrap();
        if !matches!(*mode, Mode::FailsOnce | Mode::FailsThenDown) {
            return Ok(());
        }
        *mode = if *mode == Mode::FailsOnce { Mode::Works } else { Mode::Down };
        Err(StoreError::unavailable("the connection was lost on the way"))
    }

    /// Calls the memory store in the current mode.
    async fn around<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if matches!(method, "replace" | "touch" | "cycle" | "end") {
            self.write().await?;
            return self.answered(call.await);
        }
        self.answer().await?;
        let answer = call.await;
        let is_far = *self.mode.lock().unwrap() == Mode::FarAway;
        if is_far && matches!(method, "load" | "load_latest") {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        answer
    }

    fn is_taken(&self) -> bool {
        let mut mode = self.mode.lock().unwrap();
        if let Mode::Taken(left @ 1..) = &mut *mode {
            *left -= 1;
            return true;
        }
        false
    }
}

pub(crate) fn somebody_elses() -> Entry {
    Entry::new("somebody else's".into(), NOW, NOW, None).owner(Some("somebody else".to_owned()))
}

impl Store for Faulty {
    async fn checkup(&self) -> Result<Checkup, StoreError> {
        let clock = self.clock.lock().unwrap().ok_or_else(|| StoreError::unsupported("a clock"))?;
        Ok(Checkup::new("a store with a clock").clock(Some(clock)))
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        self.write().await?;
        if self.is_taken() {
            self.inner.create(key, &somebody_elses(), now).await?;
        }
        self.answered(self.inner.create(key, entry, now).await)
    }

    delegate_store!(inner via around, except create checkup);
}

/// An application with a store.
pub(crate) struct App<S> {
    pub(crate) sessions: Arc<StoredSessions<S>>,
    pub(crate) clock: Arc<ManualClock>,
    engine: Arc<Engine>,
}

impl<S: Store> App<S> {
    pub(crate) fn new(store: Arc<S>) -> Self {
        Self::with(store, |sessions| sessions)
    }

    pub(crate) fn with(
        store: Arc<S>,
        options: impl FnOnce(StoredSessionsBuilder<S>) -> StoredSessionsBuilder<S>,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let sessions = options(StoredSessions::new(store).cookie(CookieConfig::default().name(NAME)));
        let sessions = Arc::new(sessions.build().unwrap());
        let engine = Arc::new(Engine::new(Arc::clone(&sessions)).clock(Arc::clone(&clock)));
        Self { sessions, clock, engine }
    }

    /// Opens a request with this `Cookie` header, up to its handler.
    pub(crate) async fn request(&self, cookie: &str) -> Result<Request, Error> {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await?;
        Ok(Request { slot, session })
    }

    /// Runs a whole request. Returns the browser's cookie afterwards.
    pub(crate) async fn visit(&self, cookie: &str, handler: impl FnOnce(&Session)) -> String {
        let request = self.request(cookie).await.unwrap();
        handler(&request.session);
        request.finish().await.unwrap().into_iter().next().unwrap_or_else(|| cookie.to_owned())
    }
}

pub(crate) struct Request {
    pub(crate) slot: SessionSlot,
    pub(crate) session: Session,
}

impl Request {
    /// Returns the cookies of the response as `name=value`; a removal has no value.
    pub(crate) async fn finish(self) -> Result<Vec<String>, Error> {
        let effects = self.slot.finish(200).await?;
        let cookies = effects.cookies.iter().map(ToString::to_string);
        Ok(cookies.map(|line| line.split(';').next().unwrap_or_default().to_owned()).collect())
    }
}

/// Returns the store key of a `Cookie` header.
pub(crate) fn key_of(cookie: &str) -> StoreKey {
    let id = cookie.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('=')).unwrap();
    cloakroom_session::factory::SessionId::parse(id).unwrap().store_key()
}
