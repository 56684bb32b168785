//! A store that waits before each call and may lose answers, and the requests on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_session::factory::{
    Alias, Commit, CookieHeader, SessionFactory as _, SessionId, SessionState, StoreKey, begin_commit, fresh_token,
};
use cloakroom_session::{CookieConfig, Error, Timestamp};
use cloakroom_store::store::{Entry, Loaded, OwnedPage, Store, StoreError, all_owned, delegate_store};
use cloakroom_store::{MemoryStore, StoredSessions};

use crate::explorer::gate;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const NAME: &str = "session";

pub(crate) fn alias() -> Alias {
    Alias::new("https://login.example", "sid-123")
}

#[derive(Debug)]
pub(crate) struct Gated {
    pub(crate) inner: MemoryStore,
    /// The number of the write whose answer is lost, counted from 1.
    pub(crate) loses: AtomicUsize,
    /// The number of calls so far.
    pub(crate) calls: AtomicUsize,
}

impl Gated {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { inner: MemoryStore::new(), loses: AtomicUsize::new(0), calls: AtomicUsize::new(0) })
    }

    async fn wait<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        gate().await;
        self.calls.fetch_add(1, Ordering::SeqCst);
        let answer = call.await;
        let is_write = matches!(method, "create" | "replace" | "cycle" | "end");
        let lost = is_write && self.loses.load(Ordering::SeqCst) > 0 && self.loses.fetch_sub(1, Ordering::SeqCst) == 1;
        if lost { Err(StoreError::unavailable("the connection broke after the call")) } else { answer }
    }

    /// Returns the live sessions of an owner that have the alias.
    pub(crate) async fn with_alias(&self, owner: &str) -> usize {
        let owned = all_owned(&self.inner, owner, NOW).await.unwrap();
        let has = |key: &StoreKey, entry: &Entry| entry.record(key).unwrap().alias() == Some(alias());
        owned.iter().filter(|owned| has(&owned.key, &owned.entry)).count()
    }

    pub(crate) async fn is_live(&self, id: SessionId) -> bool {
        matches!(self.inner.load(&id.store_key(), NOW).await.unwrap(), Loaded::Live(..))
    }

    /// Returns all sessions of an owner.
    pub(crate) async fn page(&self, owner: &str) -> OwnedPage {
        self.inner.owned(owner, None, 100, NOW).await.unwrap()
    }
}

impl Store for Gated {
    delegate_store!(inner via wait);
}

/// A process with a factory.
pub(crate) struct Process<S>(pub(crate) Arc<StoredSessions<S>>);

impl<S> Clone for Process<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Store> Process<S> {
    pub(crate) fn new(store: &Arc<S>) -> Self {
        // Longer than any pause in an explored order.
        let long = Duration::from_secs(1000);
        let sessions = StoredSessions::new(Arc::clone(store)).cookie(CookieConfig::default().name(NAME));
        let sessions = sessions.no_owner_limit().call_timeout(long).commit_timeout(long);
        Self(Arc::new(sessions.build().unwrap()))
    }

    pub(crate) async fn open(&self, id: Option<SessionId>) -> SessionState {
        let line = id.map_or_else(String::new, |id| format!("{NAME}={}", id.expose()));
        self.0.open(CookieHeader::new([line.as_bytes()]), NOW).await.unwrap()
    }

    pub(crate) async fn carry_out(&self, commit: &Commit) -> Result<Option<SessionId>, Error> {
        Ok(self.0.commit(commit).await?.session.id())
    }

    pub(crate) async fn commit(&self, session: SessionState) -> Result<Option<SessionId>, Error> {
        self.carry_out(&begin_commit(session, NOW).unwrap()).await
    }

    /// Signs a new visitor in. Returns the id, unless the session ended in the meantime.
    pub(crate) async fn sign_in(&self, owner: &str) -> Result<Option<SessionId>, Error> {
        let session = signing_in(self.open(None).await, owner);
        self.commit(session).await
    }

    /// Signs in without an alias.
    pub(crate) async fn without_alias(&self, owner: &str) -> SessionId {
        let mut session = self.open(None).await;
        session.set_owner(owner, fresh_token().unwrap(), NOW);
        self.commit(session).await.unwrap().unwrap()
    }

    pub(crate) async fn cycle(&self, id: SessionId) -> Result<Option<SessionId>, Error> {
        let mut session = self.open(Some(id)).await;
        session.cycle_id(fresh_token().unwrap());
        self.commit(session).await
    }

    /// Gives a signed-in session its alias in a later request.
    pub(crate) async fn name(&self, id: SessionId) -> Result<Option<SessionId>, Error> {
        let mut session = self.open(Some(id)).await;
        if session.id().is_none() {
            return Ok(None);
        }
        session.set_alias(alias());
        self.commit(session).await
    }
}

pub(crate) fn signing_in(mut session: SessionState, owner: &str) -> SessionState {
    session.set_owner(owner, fresh_token().unwrap(), NOW);
    session.set_alias(alias());
    session
}
