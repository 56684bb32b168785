//! Stores and factories that answer later, so that requests overlap.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloakroom_session::factory::{Commit, Committed, CookieHeader, SessionFactory, SessionState};
use cloakroom_session::{Error, Timestamp};
use cloakroom_store::MemoryStore;
use cloakroom_store::store::{Store, delegate_store};
use tokio::sync::Notify;

/// A store whose calls let other tasks run, some more often than others, so that racing requests
/// meet in many orders.
#[derive(Debug, Default)]
pub(crate) struct Yielding {
    store: MemoryStore,
    pub(crate) calls: AtomicUsize,
}

impl Yielding {
    async fn yields<T>(&self, _: &'static str, call: impl Future<Output = T> + Send) -> T {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) as u64;
        for _ in 0..cloakroom_servers::scrambled(number) % 24 {
            tokio::task::yield_now().await;
        }
        let answer = call.await;
        for _ in 0..cloakroom_servers::scrambled(!number) % 24 {
            tokio::task::yield_now().await;
        }
        answer
    }
}

impl Store for Yielding {
    delegate_store!(store via yields);
}

/// Holds up the first task that passes, until it is opened.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    used: AtomicBool,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    async fn pass(&self) {
        if !self.used.swap(true, Ordering::SeqCst) {
            self.reached.notify_one();
            self.opened.notified().await;
        }
    }

    /// Waits until a task is held up.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    pub(crate) fn open(&self) {
        self.opened.notify_one();
    }
}

/// A store whose first replacement is held up. Later commits of the session wait behind it.
#[derive(Debug, Default)]
pub(crate) struct Gated {
    pub(crate) store: MemoryStore,
    pub(crate) gate: Gate,
}

impl Gated {
    async fn held<T>(&self, operation: &'static str, call: impl Future<Output = T> + Send) -> T {
        if operation == "replace" {
            self.gate.pass().await;
        }
        call.await
    }
}

impl Store for Gated {
    delegate_store!(store via held);
}

/// A factory whose first commit is held up, before or after its execution.
#[derive(Debug)]
pub(crate) struct HeldUp<F> {
    pub(crate) inner: F,
    pub(crate) gate: std::sync::Arc<Gate>,
    pub(crate) before: bool,
}

impl<F: SessionFactory> SessionFactory for HeldUp<F> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        self.inner.open(cookies, now).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        if self.before {
            self.gate.pass().await;
        }
        let committed = self.inner.commit(commit).await;
        if !self.before {
            self.gate.pass().await;
        }
        committed
    }

    fn begins_as_given(&self) -> bool {
        self.inner.begins_as_given()
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        self.inner.reload(session, now).await
    }
}
