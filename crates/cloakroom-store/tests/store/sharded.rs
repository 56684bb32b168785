//! A sharded store under the conformance suite, and in walks with moves.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::conformance::Capabilities as FactoryCan;
use cloakroom_session::factory::fresh_id;
use cloakroom_store::store::conformance::{Capabilities, assert_conforms};
use cloakroom_store::store::feed::{Covers, Listener, Reach};
use cloakroom_store::store::{Entry, Store, StoreKey, end_all_before};
use cloakroom_store::{AnyStore, CachedStore, MemoryStore, ShardedStore, StoredSessions};

use crate::conformance::any;

fn shards(count: usize) -> ShardedStore<AnyStore> {
    let shards = (0..count).map(|number| (format!("shard {number}"), AnyStore::new(MemoryStore::new())));
    ShardedStore::new(shards).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sharded_store_conforms() {
    assert_conforms(any(shards(3)), Capabilities::all()).await;
    // With a near cache around all shards, which needs their feeds.
    assert_conforms(any(CachedStore::new(shards(2)).unwrap()), Capabilities::all().rounds(10)).await;
}

/// Sign-ins whose answers are lost, and their retries, find the session under its derived id.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stored_sessions_on_shards_conform_as_a_factory() {
    let sessions = StoredSessions::new(any(shards(5))).build().unwrap();
    cloakroom_session::factory::conformance::assert_conforms(Arc::new(sessions), FactoryCan::all().rounds(5)).await;
}

struct Heard(tokio::sync::mpsc::UnboundedSender<Option<StoreKey>>);

impl Listener for Heard {
    fn changed(&self, key: &StoreKey) {
        let _ = self.0.send(Some(*key));
    }

    fn all_changed(&self) {
        let _ = self.0.send(None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_feeds_of_all_shards_are_one_feed() {
    let store = shards(4);
    let feed = store.feed().unwrap();
    assert_eq!((feed.covers(), feed.reach()), (Covers::Changes, Reach::AllProcesses));
    assert_eq!((feed.is_live(), feed.proven_at()), (false, None));
    let (heard, mut hints) = tokio::sync::mpsc::unbounded_channel();
    let subscription = feed.subscribe(Arc::new(Heard(heard)));
    assert_eq!(hints.recv().await, Some(None), "nothing was announced when the feed became live");
    assert!(feed.is_live());
    let now = Timestamp::from_unix_secs(1_700_000_000);
    for _ in 0..40 {
        let key = fresh_id().unwrap().store_key();
        store.create(&key, &Entry::new("text".into(), now, now, None), now).await.unwrap();
        store.end(&key, now).await.unwrap();
        assert_eq!(hints.recv().await, Some(Some(key)));
        while hints.try_recv() == Ok(Some(key)) {}
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let age = tokio::time::Instant::now().into_std().duration_since(feed.proven_at().unwrap());
    assert!(age <= Duration::from_millis(100), "{age:?}");
    drop(subscription);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!feed.is_live(), "the task goes on without listeners");
}

/// Sessions that move during the walk of "sign out everywhere" don't escape: a move stays in its
/// shard.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_moves_is_ended_with_all_others() {
    let (store, now) = (Arc::new(shards(4)), Timestamp::from_unix_secs(1_700_000_000));
    let entry = Entry::new("text".into(), now, now, None);
    let moving = (0..40).map(|_| {
        let (store, entry) = (Arc::clone(&store), entry.clone());
        tokio::spawn(async move {
            let mut key = fresh_id().unwrap().store_key();
            store.create(&key, &entry, now).await.unwrap();
            for _ in 0..200 {
                let new = std::iter::repeat_with(|| fresh_id().unwrap().store_key());
                let new = new.into_iter().find(|new| store.can_cycle(&key, new)).unwrap();
                let seen = entry.next_version(None);
                store.cycle(&key, seen, &new, &entry, now, now).await.unwrap();
                key = new;
                tokio::task::yield_now().await;
            }
            key
        })
    });
    let moving: Vec<_> = moving.collect();
    tokio::task::yield_now().await;
    let later = now + Duration::from_secs(1);
    let mut ended = 0;
    while moving.iter().any(|task| !task.is_finished()) {
        ended += end_all_before(&*store, later, now).await.unwrap();
    }
    ended += end_all_before(&*store, later, now).await.unwrap();
    assert_eq!(ended, 40);
    for task in moving {
        let key = task.await.unwrap();
        assert_eq!(store.load(&key, now).await.unwrap(), cloakroom_store::store::Loaded::Absent);
    }
}
