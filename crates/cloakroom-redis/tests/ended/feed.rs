//! The feed itself: its proof, and the stores that have one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_session::factory::{StoreKey, fresh_id};
use cloakroom_session::{Clock as _, SystemClock};
use cloakroom_store::store::feed::{Covers, Listener, Reach};
use cloakroom_store::store::{Entry, Store as _};

use tokio::time::Instant;

use crate::node::{PATIENCE, until_live};

#[derive(Default)]
struct Heard(Mutex<HashSet<StoreKey>>);

impl Listener for Heard {
    fn changed(&self, key: &StoreKey) {
        self.0.lock().unwrap().insert(*key);
    }

    fn all_changed(&self) {}
}

/// Each write is acknowledged before a time that the feed proves later. By then it was announced.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_covers_every_write_acknowledged_before_it() {
    const ROUNDS: usize = 20;
    const WRITES: usize = 50;
    for server in [Redis::start(), Redis::valkey(&[])] {
        let store = || async { RedisStore::connect(&server.url()).await.unwrap().prefix("shop:") };
        let [here, there] = [store().await, store().await];
        let other = RedisStore::connect(&server.url()).await.unwrap();
        let (feed, heard) = (there.feed().unwrap(), Arc::new(Heard::default()));
        assert_eq!((feed.covers(), feed.reach()), (Covers::Changes, Reach::AllProcesses));
        let _live = until_live(&feed, true).await;
        let _subscription = feed.subscribe(heard.clone());
        let now = SystemClock.now();
        let entry = Entry::new("1c0;".into(), now, now, None).owner(Some("ann".to_owned()));
        for round in 0..ROUNDS {
            let mut written = Vec::new();
            for _ in 0..WRITES {
                let key = fresh_id().unwrap().store_key();
                here.create(&key, &entry, now).await.unwrap();
                other.create(&key, &entry, now).await.unwrap();
                written.push(key);
            }
            let acknowledged = Instant::now();
            while feed.proven_at().is_none_or(|proven| proven < acknowledged.into_std()) {
                assert!(acknowledged.elapsed() < PATIENCE, "nothing is proven");
                tokio::task::yield_now().await;
            }
            let heard = std::mem::take(&mut *heard.0.lock().unwrap());
            let missing = written.iter().filter(|key| !heard.contains(*key)).count();
            assert_eq!(missing, 0, "round {round}");
            assert_eq!(heard.len(), written.len(), "keys of another prefix, or of the index");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_has_one_connection_while_it_is_listened_to() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let tracking = || server.cli(&["CLIENT", "LIST"]).lines().filter(|line| flags(line).contains('t')).count();
    let feed = store.feed().unwrap();
    assert_eq!(tracking(), 0);
    let first = until_live(&feed, true).await;
    let second = until_live(&store.clone().feed().unwrap(), true).await;
    assert_eq!(tracking(), 1);
    drop((first, second));
    let began = Instant::now();
    while tracking() > 0 {
        assert!(began.elapsed() < PATIENCE, "the connection stays open");
        tokio::task::yield_now().await;
    }
    let _again = until_live(&feed, true).await;
    assert_eq!(tracking(), 1);
}

fn flags(line: &str) -> &str {
    line.split(' ').find_map(|field| field.strip_prefix("flags=")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_connections_have_no_feed() {
    let server = Redis::start();
    let old = RedisStore::connect(&format!("{}?protocol=resp2", server.url())).await.unwrap();
    assert!(old.feed().is_none());
    let client = redis::Client::open(server.url()).unwrap();
    let given = RedisStore::from_connection(client.get_multiplexed_async_connection().await.unwrap());
    assert!(given.feed().is_none());
    let cluster = Cluster::start();
    assert!(RedisStore::connect_cluster(&cluster.urls()).await.unwrap().feed().is_none());
}
