//! A store that can be told to fail, and applications whose clock stands still.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cloakroom_session::{
    CookieConfig, CookieHeader, Engine, Error, ManualClock, Session, SessionSlot, StoreKey, Timestamp, Version,
};
use cloakroom_store::{
    Created, Cursor, Ended, EndedPage, Entry, Loaded, MemoryStore, OwnedPage, Page, Replaced, Store, StoreError,
    StoredSessions, StoredSessionsBuilder,
};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const NAME: &str = "session";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Works,
    Down,
    Hangs,
    /// It takes a tenth of a second for everything.
    Slow,
    /// It does what it is asked for, and its answer is lost.
    Lost,
    /// Somebody else takes so many of the keys that are created, right before us.
    Taken(usize),
}

#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    mode: Mutex<Mode>,
    pub(crate) calls: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new() -> Arc<Self> {
        let inner = MemoryStore::new();
        Arc::new(Self { inner, mode: Mutex::new(Mode::Works), calls: AtomicUsize::new(0) })
    }

    pub(crate) fn be(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    async fn answer(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mode = *self.mode.lock().unwrap();
        match mode {
            Mode::Works | Mode::Taken(_) | Mode::Lost => Ok(()),
            Mode::Slow => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                Ok(())
            }
            Mode::Down => Err(StoreError::unavailable("connection refused")),
            Mode::Hangs => std::future::pending().await,
        }
    }

    fn answered<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        let lost = *self.mode.lock().unwrap() == Mode::Lost;
        if lost { Err(StoreError::unavailable("the connection was lost")) } else { answer }
    }

    fn is_taken(&self) -> bool {
        let mut mode = self.mode.lock().unwrap();
        match &mut *mode {
            Mode::Taken(left) if *left > 0 => {
                *left -= 1;
                true
            }
            Mode::Taken(_) | Mode::Works | Mode::Down | Mode::Hangs | Mode::Slow | Mode::Lost => false,
        }
    }
}

pub(crate) fn somebody_elses() -> Entry {
    Entry::new("somebody else's".into(), NOW, NOW, None).owner(Some("somebody else".to_owned()))
}

impl Store for Faulty {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.answer().await?;
        self.inner.load(key, now).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        self.answer().await?;
        if self.is_taken() {
            self.inner.create(key, &somebody_elses(), now).await?;
        }
        self.answered(self.inner.create(key, entry, now).await)
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.answer().await?;
        self.answered(self.inner.replace(key, seen, entry, now).await)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.answer().await?;
        self.answered(self.inner.touch(key, touched, deadline, now).await)
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
        self.answer().await?;
        self.answered(self.inner.cycle(old, seen, new, entry, moved_until, now).await)
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        self.answer().await?;
        self.answered(self.inner.end(key, now).await)
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.answer().await?;
        self.inner.sweep(now, limit).await
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        self.answer().await?;
        self.inner.owned(owner, after, limit, now).await
    }

    async fn count_owned(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        self.answer().await?;
        self.inner.count_owned(owner, now).await
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        self.answer().await?;
        self.inner.end_owned(owner, keep, limit, now).await
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        self.answer().await?;
        self.inner.end_before(point, after, now).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        self.answer().await?;
        self.inner.scan(after, limit, now).await
    }
}

/// An application over a store.
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

    /// A request with this `Cookie` line, up to its handler.
    pub(crate) async fn request(&self, cookie: &str) -> Result<Request, Error> {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await?;
        Ok(Request { slot, session })
    }

    /// A whole request; the cookie that the browser has afterwards.
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
    /// The response's cookies, as `name=value` each; a removal has no value.
    pub(crate) async fn finish(self) -> Result<Vec<String>, Error> {
        let effects = self.slot.finish(200).await?;
        let cookies = effects.cookies.iter().map(ToString::to_string);
        Ok(cookies.map(|line| line.split(';').next().unwrap_or_default().to_owned()).collect())
    }
}

/// The store's key of a `Cookie` line.
pub(crate) fn key_of(cookie: &str) -> StoreKey {
    let id = cookie.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('=')).unwrap();
    cloakroom_session::SessionId::parse(id).unwrap().store_key()
}
