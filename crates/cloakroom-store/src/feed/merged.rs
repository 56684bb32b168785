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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::feed::{Covers, Reach};

    /// A feed whose connection the test holds.
    fn held() -> (Feed, Arc<Mutex<Option<Connection>>>) {
        let held = Arc::new(Mutex::new(None));
        let ours = Arc::clone(&held);
        (Announcer::connected(Covers::Changes, move |connection| *ours.lock().unwrap() = Some(connection)).feed(), held)
    }

    fn tell(held: &Mutex<Option<Connection>>, act: impl FnOnce(&Connection)) {
        act(held.lock().unwrap().as_ref().unwrap());
    }

    #[derive(Default)]
    struct Heard(AtomicU64);

    impl Listener for Heard {
        fn changed(&self, _: &StoreKey) {}

        fn all_changed(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_live_while_all_are_and_announces_each_loss() {
        let ((one, first), (other, second)) = (held(), held());
        let feed = Feed::merged([Some(one), Some(other)].into_iter()).unwrap();
        let heard = Arc::new(Heard::default());
        let _subscription = feed.subscribe(Arc::clone(&heard) as Arc<dyn Listener>);
        let settled = || tokio::time::sleep(5 * TICK);
        let now = || tokio::time::Instant::now().into_std();
        settled().await;
        tell(&first, Connection::established);
        settled().await;
        assert!(!feed.is_live(), "one of two feeds is live");
        tell(&second, Connection::established);
        settled().await;
        assert!(feed.is_live() && heard.0.load(Ordering::SeqCst) > 0);
        assert_eq!(feed.proven_at(), None);
        let early = now();
        tell(&first, |connection| connection.proven(early));
        settled().await;
        assert_eq!(feed.proven_at(), None, "only one has proven something");
        let late = now();
        tell(&second, |connection| connection.proven(late));
        settled().await;
        assert_eq!(feed.proven_at(), Some(early), "the older proof counts");
        for round in 0..3 {
            let before = heard.0.load(Ordering::SeqCst);
            tell(&second, Connection::lost);
            // At once, without waiting for the task.
            assert!(!feed.is_live() && feed.proven_at().is_none(), "round {round}");
            assert!(heard.0.load(Ordering::SeqCst) > before, "round {round}");
            settled().await;
            assert!(!feed.is_live(), "round {round}");
            tell(&second, Connection::established);
            settled().await;
            assert!(feed.is_live(), "round {round}");
        }
        // Hints may be lost while a connection stays.
        let before = heard.0.load(Ordering::SeqCst);
        tell(&first, Connection::all_changed);
        assert!(heard.0.load(Ordering::SeqCst) > before);
        settled().await;
        assert!(feed.is_live());
    }

    #[test]
    fn a_store_without_a_feed_leaves_none() {
        assert!(Feed::merged([Some(held().0), None].into_iter()).is_none());
        let here = Announcer::in_process(Covers::Endings, Reach::ThisProcess).feed();
        let all = Announcer::in_process(Covers::Changes, Reach::AllProcesses).feed();
        let merged = Feed::merged([Some(all), Some(here)].into_iter()).unwrap();
        assert_eq!((merged.covers(), merged.reach()), (Covers::Endings, Reach::ThisProcess));
    }
}
