//! The store as a node sees it, over the network.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::feed::{Announcer, Covers, Feed};
use cloakroom_store::store::{Created, Ended, Entry, Loaded, Replaced, Store, StoreError};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::link;
use crate::network::Fate;
use crate::plan::{Mutant, Plan};
use crate::server::Server;

/// One node's side of the network.
#[derive(Debug)]
pub(crate) struct Wire {
    server: Arc<Server>,
    node: usize,
    feed: Option<Announcer>,
}

impl Wire {
    pub(crate) fn new(server: Arc<Server>, node: usize, plan: &Plan) -> Self {
        let feed = plan.cache.then(|| {
            let server = Arc::clone(&server);
            Announcer::connected(Covers::Changes, move |connection| {
                tokio::spawn(link::run(connection, Arc::clone(&server), node));
            })
        });
        Self { server, node, feed }
    }

    /// Sends a call and waits for its answer.
    ///
    /// A call that was sent is executed even if the caller stops waiting.
    async fn send<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let network = Arc::clone(&self.server.network);
        network.calls.fetch_add(1, Ordering::Relaxed);
        let (node, never) = (self.node, self.server.mutant == Some(Mutant::NoDeadline));
        let (fate, is_silent) = (network.fate(node), network.random.happens(500));
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            network.running(node).await;
            sleep(network.latency()).await;
            let executed = match fate {
                Fate::RequestLost => None,
                Fate::Answered | Fate::AnswerLost => Some(call.await),
            };
            sleep(network.latency()).await;
            network.running(node).await;
            let is_lost = fate != Fate::Answered || network.is_cut(node);
            match executed.filter(|_| !is_lost) {
                Some(executed) => drop(answer.send(executed)),
                // The connection stays open and nothing comes.
                None if is_silent => sleep(Duration::from_secs(30)).await,
                None => drop(answer),
            }
        });
        match answered.await {
            Ok(answer) => answer,
            Err(_) if never => pending().await,
            Err(_) => Err(StoreError::unavailable("the connection broke")),
        }
    }
}

impl Store for Wire {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let (server, key) = (Arc::clone(&self.server), *key);
        self.send(async move { server.load(&key, now).await }).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let (server, key, entry) = (Arc::clone(&self.server), *key, entry.clone());
        self.send(async move { server.store.create(&key, &entry, now).await }).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (server, key, entry) = (Arc::clone(&self.server), *key, entry.clone());
        self.send(async move { server.replace(&key, seen, &entry, now).await }).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (server, key) = (Arc::clone(&self.server), *key);
        self.send(async move { server.store.touch(&key, touched, deadline, now).await }).await
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
        let (server, old, new, entry) = (Arc::clone(&self.server), *old, *new, entry.clone());
        self.send(async move { server.store.cycle(&old, seen, &new, &entry, moved_until, now).await }).await
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let (server, key) = (Arc::clone(&self.server), *key);
        self.send(async move { server.end(&key, now).await }).await
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let (server, owner, keep) = (Arc::clone(&self.server), owner.to_owned(), keep.copied());
        self.send(async move { server.store.end_owned(&owner, keep.as_ref(), limit, now).await }).await
    }

    fn feed(&self) -> Option<Feed> {
        self.feed.as_ref().map(Announcer::feed)
    }
}
