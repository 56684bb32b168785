//! One feed of several stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_session::factory::StoreKey;
use tokio::sync::Notify;

use super::announcer::{Announcer, Connection};
use super::listener::Listener;
use super::subscription::{Feed, Subscription};

/// The time between two proofs: a tenth of the default bound of a near cache.
const TICK: Duration = Duration::from_millis(100);

impl Feed {
    /// Merges the feeds of several stores. Returns `None` if one of them has none.
    ///
    /// It is live while all of them are. Its proof is the oldest of theirs.
    pub(crate) fn merged(feeds: impl Iterator<Item = Option<Self>>) -> Option<Self> {
        let feeds: Arc<[Self]> = feeds.collect::<Option<_>>()?;
        let covers = feeds.iter().map(Self::covers).min()?;
        let reach = feeds.iter().map(Self::reach).min()?;
        let connect = move |connection| drop(tokio::spawn(relay(Arc::clone(&feeds), connection)));
        Some(Announcer::reaching(covers, reach, connect).feed())
    }
}

/// Passes the hints of the merged feeds on.
struct Relay {
    connection: Connection,
    /// The number of times that hints may have been lost.
    losses: AtomicU64,
    lost: Notify,
}

impl Listener for Relay {
    fn changed(&self, key: &StoreKey) {
        self.connection.changed(key);
    }

    fn all_changed(&self) {
        self.losses.fetch_add(1, Ordering::SeqCst);
        self.connection.lost();
        self.lost.notify_one();
    }
}

/// Keeps the merged feed up to date until it has no listeners.
async fn relay(feeds: Arc<[Feed]>, connection: Connection) {
    let relay = Arc::new(Relay { connection, losses: AtomicU64::new(0), lost: Notify::new() });
    let _subscriptions: Vec<Subscription> =
        feeds.iter().map(|feed| feed.subscribe(Arc::clone(&relay) as Arc<dyn Listener>)).collect();
    // The number of losses at which the feed was established.
    let mut established = None;
    while relay.connection.is_needed() {
        let losses = relay.losses.load(Ordering::SeqCst);
        let is_live = || feeds.iter().all(Feed::is_live);
        if established != Some(losses) && is_live() {
            relay.connection.established();
            established = Some(losses);
            // A feed may have been lost just before that call.
            if !is_live() || relay.losses.load(Ordering::SeqCst) != losses {
                relay.connection.lost();
                established = None;
                continue;
            }
        }
        let proofs: Option<Vec<_>> = feeds.iter().map(Feed::proven_at).collect();
        if let Some(proof) = proofs.and_then(|proofs| proofs.into_iter().min()) {
            relay.connection.proven(proof);
        }
        // It returns after the tick, or at once if a feed was lost.
        let _ = tokio::time::timeout(TICK, relay.lost.notified()).await;
    }
}
