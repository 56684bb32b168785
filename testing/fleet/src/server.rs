//! The store's server, right or deliberately wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::MemoryStore;
use cloakroom_store::store::feed::{Listener, Subscription};
use cloakroom_store::store::{Entry, Loaded, Replaced, Store as _, StoreError};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::network::Network;
use crate::plan::{Mutant, Plan};

/// A message on the connection of the feed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message {
    Changed(StoreKey),
    /// The answer to a ping that was sent at this time.
    Pong(Instant),
}

/// The server: one lossless store, and the connections of its feed.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) store: MemoryStore,
    pub(crate) network: Arc<Network>,
    pub(crate) mutant: Option<Mutant>,
    links: Mutex<BTreeMap<u64, UnboundedSender<Message>>>,
    next_link: AtomicU64,
    last: Mutex<Option<(Version, Entry)>>,
    /// The memory store's feed, which all connections get.
    subscription: Mutex<Option<Subscription>>,
}

struct Fan(Weak<Server>);

impl Listener for Fan {
    fn changed(&self, key: &StoreKey) {
        if let Some(server) = self.0.upgrade() {
            server.links().retain(|_, link| link.send(Message::Changed(*key)).is_ok());
        }
    }

    fn all_changed(&self) {}
}

impl Server {
    pub(crate) fn new(plan: &Plan, network: Arc<Network>) -> Arc<Self> {
        let server = Arc::new(Self {
            store: MemoryStore::new().capacity(plan.visitors * 8 + 1_000_000),
            network,
            mutant: plan.mutant,
            links: Mutex::default(),
            next_link: AtomicU64::new(0),
            last: Mutex::default(),
            subscription: Mutex::default(),
        });
        if plan.cache
            && let Some(feed) = server.store.feed()
        {
            let subscription = feed.subscribe(Arc::new(Fan(Arc::downgrade(&server))));
            *server.subscription.lock().unwrap_or_else(PoisonError::into_inner) = Some(subscription);
        }
        server
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<u64, UnboundedSender<Message>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection of the feed. Returns its number.
    pub(crate) fn attach(&self, link: UnboundedSender<Message>) -> u64 {
        let number = self.next_link.fetch_add(1, Ordering::Relaxed);
        self.links().insert(number, link);
        number
    }

    /// Answers a ping, behind all hints that were sent before.
    pub(crate) fn pong(&self, link: u64, sent: Instant) {
        if let Some(link) = self.links().get(&link) {
            let _ = link.send(Message::Pong(sent));
        }
    }

    /// Returns whether the server makes this mistake now.
    fn errs(&self, mutant: Mutant, per_mille: u64) -> bool {
        self.mutant == Some(mutant) && self.network.random.happens(per_mille)
    }

    pub(crate) async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let loaded = self.store.load(key, now).await?;
        let Loaded::Live(version, entry) = loaded else { return Ok(loaded) };
        if self.mutant == Some(Mutant::MixesUp) {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let before = last.replace((version.clone(), entry.clone()));
            if let Some((version, entry)) = before
                && self.network.random.happens(20)
            {
                return Ok(Loaded::Live(version, entry));
            }
        }
        Ok(Loaded::Live(version, entry))
    }

    pub(crate) async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        if self.errs(Mutant::LosesUpdates, 20) {
            return Ok(Replaced::Yes(seen));
        }
        self.store.replace(key, seen, entry, now).await
    }

    pub(crate) async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        if self.errs(Mutant::Revives, 300) {
            return Ok(true);
        }
        self.store.end(key, now).await
    }
}
