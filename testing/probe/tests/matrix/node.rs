//! An application (a factory over a store), and requests to it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

use cloakroom::adapter::{CookieHeader, SessionSlot};
use cloakroom::factory::{SessionId, StoreKey};
use cloakroom::{
    AnyStore, Clock, CookieConfig, Engine, Error, Session, StoredSessions, StoredSessionsBuilder, SystemClock,
    Timestamp,
};
use tokio::time::timeout;

/// A generous timeout for any answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The system clock with an offset in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Skewed(AtomicI64);

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now().unix_millis();
        Timestamp::from_unix_millis(now.saturating_add_signed(self.0.load(Ordering::SeqCst)))
    }
}

/// One of several applications that share a store.
pub(crate) struct Node {
    pub(crate) store: AnyStore,
    pub(crate) sessions: Arc<StoredSessions<AnyStore>>,
    clock: Arc<Skewed>,
    engine: Arc<Engine>,
}

impl Node {
    pub(crate) fn over(store: AnyStore) -> Arc<Self> {
        Self::with(store, |sessions| sessions)
    }

    pub(crate) fn with(
        store: AnyStore,
        options: impl FnOnce(StoredSessionsBuilder<AnyStore>) -> StoredSessionsBuilder<AnyStore>,
    ) -> Arc<Self> {
        let sessions = StoredSessions::new(store.clone()).cookie(CookieConfig::default().name("session"));
        let sessions = Arc::new(options(sessions).build().unwrap());
        let clock = Arc::new(Skewed::default());
        let engine = Arc::new(Engine::new(Arc::clone(&sessions)).clock(Arc::clone(&clock)));
        Arc::new(Self { store, sessions, clock, engine })
    }

    /// Sets this application's clock ahead or back.
    pub(crate) fn skew(&self, millis: i64) {
        self.clock.0.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Starts a request, up to its handler.
    pub(crate) async fn request(&self, cookie: &str) -> Result<Request, Error> {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let session = answered(slot.open(CookieHeader::new([cookie.as_bytes()]))).await?;
        Ok(Request { slot, session })
    }

    /// Performs a whole request. Returns the handler's result and the cookie that the browser has
    /// afterwards.
    pub(crate) async fn visit<T>(
        &self,
        cookie: &str,
        handler: impl FnOnce(&Session) -> Result<T, Error>,
    ) -> Result<(T, String), Error> {
        let request = self.request(cookie).await?;
        let found = handler(&request.session)?;
        let cookie = request.finish().await?.unwrap_or_else(|| cookie.to_owned());
        Ok((found, cookie))
    }

    /// Creates a session and returns its cookie.
    pub(crate) async fn begin(&self) -> Result<String, Error> {
        Ok(self.visit("", |session| session.insert("begun", true)).await?.1)
    }

    /// Creates a session of this owner and returns its cookie.
    pub(crate) async fn sign_in(&self, owner: &str) -> Result<String, Error> {
        let handler = |session: &Session| {
            session.set_owner(owner);
            session.insert("begun", true)
        };
        Ok(self.visit("", handler).await?.1)
    }

    /// Reads the session that a cookie opens, if there is one. Retries while the store fails.
    pub(crate) async fn found<T>(&self, cookie: &str, look: impl Fn(&Session) -> Result<T, Error>) -> Option<T> {
        let mut why = None;
        let asking = async {
            loop {
                let looked = self.visit(cookie, |session| Ok(opened(session)?.then(|| look(session))));
                match looked.await {
                    Ok((found, _)) => return found.transpose().unwrap(),
                    Err(error) => why = Some(error),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = timeout(PATIENCE, asking).await;
        found.unwrap_or_else(|_| panic!("a store without a fault doesn't answer: {why:?}"))
    }

    /// Returns whether a cookie opens a session.
    pub(crate) async fn opens(&self, cookie: &str) -> bool {
        self.found(cookie, |_| Ok(())).await.is_some()
    }
}

/// Returns whether the request has found the session of its cookie.
pub(crate) fn opened(session: &Session) -> Result<bool, Error> {
    Ok(session.get("begun")?.unwrap_or(false))
}

pub(crate) struct Request {
    slot: SessionSlot,
    pub(crate) session: Session,
}

impl Request {
    /// Commits. Returns the response's cookie, if it sets one.
    pub(crate) async fn finish(self) -> Result<Option<String>, Error> {
        let effects = answered(self.slot.finish(200)).await?;
        let line = effects.cookies.first().map(ToString::to_string);
        Ok(line.map(|line| line.split(';').next().unwrap_or_default().to_owned()))
    }

    /// Drops the response after polling it once, as if the client had disconnected. Returns whether
    /// it was complete.
    pub(crate) async fn leave(self) -> bool {
        let mut finish = pin!(self.slot.finish(200));
        poll_fn(|context| Poll::Ready(finish.as_mut().poll(context).is_ready())).await
    }
}

/// Asserts that a request is answered, with a page or with an error.
async fn answered<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("a request is answered in the end")
}

/// Returns the store key of a cookie.
pub(crate) fn key_of(cookie: &str) -> StoreKey {
    SessionId::parse(cookie.strip_prefix("session=").unwrap()).unwrap().store_key()
}
