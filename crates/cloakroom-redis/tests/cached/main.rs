//! The near cache over real servers: conformance, outages, and the rate of hits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is the failure report of a test"
)]

mod stopped;

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::Proxy;
use cloakroom_servers::redis::Redis;
use cloakroom_session::factory::{StoreKey, fresh_id};
use cloakroom_session::{Clock as _, SystemClock, Timestamp};
use cloakroom_store::CachedStore;
use cloakroom_store::store::conformance::{Capabilities, assert_conforms};
use cloakroom_store::store::{Created, Entry, Loaded, Replaced, Store, Version};
use tokio::time::{Instant, timeout};

const BOUND: Duration = Duration::from_secs(1);

/// Far more than a slow machine needs.
const PATIENCE: Duration = Duration::from_secs(120);

type Node = CachedStore<RedisStore>;

async fn node(url: &str) -> Arc<Node> {
    Arc::new(CachedStore::new(RedisStore::connect(url).await.unwrap()).unwrap())
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn entry(text: &str) -> Entry {
    Entry::new(text.into(), now(), now(), Some(now() + Duration::from_secs(3600)))
}

async fn created(store: &impl Store, key: &StoreKey, text: &str) -> Version {
    let Created::Yes(version) = store.create(key, &entry(text), now()).await.unwrap() else { panic!("it is taken") };
    version
}

async fn replaced(store: &impl Store, key: &StoreKey, seen: Version, text: &str) -> Version {
    let Replaced::Yes(version) = store.replace(key, seen, &entry(text), now()).await.unwrap() else { panic!() };
    version
}

fn text(loaded: &Loaded) -> Option<&str> {
    if let Loaded::Live(_, entry) = loaded { Some(entry.text()) } else { None }
}

/// Loads until the node answers from memory.
async fn until_warm(node: &Node, key: &StoreKey) {
    let (began, hits) = (Instant::now(), node.stats().hits);
    while node.stats().hits == hits {
        assert!(began.elapsed() < PATIENCE, "no hit: {:?}", node.stats());
        drop(node.load(key, now()).await);
        tokio::task::yield_now().await;
    }
}

/// Reads on a node for three times the bound after a write. Returns the begin of the last request
/// that saw the older text, counted from the acknowledgement.
async fn last_old_read(node: &Node, key: &StoreKey, old: &str, acknowledged: Instant) -> Duration {
    let mut last = Duration::ZERO;
    while acknowledged.elapsed() < 3 * BOUND {
        let began = acknowledged.elapsed();
        // Without the bound on the wait, a silent link would hold up the reads.
        if let Ok(Ok(loaded)) = timeout(Duration::from_millis(50), node.load(key, now())).await
            && text(&loaded) == Some(old)
        {
            last = began;
        }
        tokio::task::yield_now().await;
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_near_cache_over_a_server_conforms() {
    let server = Redis::start();
    let cached = node(&format!("{}?timeout=30000", server.url())).await;
    until_warm(&cached, &{
        let key = fresh_id().unwrap().store_key();
        created(&*cached, &key, "text").await;
        key
    })
    .await;
    assert_conforms(Arc::clone(&cached), Capabilities::all().expires_by_itself().rounds(50)).await;
    let stats = cached.stats();
    assert!(stats.hits > 10, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_hit_beyond_the_bound_on_a_silent_link() {
    for (name, server) in [("Redis", Redis::start()), ("Valkey", Redis::valkey(&[]))] {
        let proxy = Proxy::to(server.port());
        let here = node(&server.url()).await;
        let there = node(&format!("redis://127.0.0.1:{}", proxy.port())).await;
        let key = fresh_id().unwrap().store_key();
        let seen = created(&*here, &key, "old").await;
        until_warm(&there, &key).await;
        proxy.silence();
        replaced(&*here, &key, seen, "new").await;
        let last = last_old_read(&there, &key, "old", Instant::now()).await;
        println!("{name}: the last older read on a silent link began {last:?} after the write was acknowledged");
        assert!(last <= BOUND, "{last:?}");
        proxy.mend();
        let began = Instant::now();
        while !matches!(there.load(&key, now()).await, Ok(loaded) if text(&loaded) == Some("new")) {
            assert!(began.elapsed() < PATIENCE, "the link works again");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_copy_outlives_a_killed_server() {
    let mut server = Redis::start();
    let (here, there) = (node(&server.url()).await, node(&server.url()).await);
    let keys: Vec<StoreKey> = (0..100).map(|_| fresh_id().unwrap().store_key()).collect();
    for key in &keys {
        created(&*here, key, "old").await;
    }
    until_warm(&there, &keys[0]).await;
    let loads: Vec<_> = (0..1000)
        .map(|load| {
            let (there, key) = (Arc::clone(&there), keys[load % keys.len()]);
            tokio::spawn(async move { drop(there.load(&key, now()).await) })
        })
        .collect();
    server.kill();
    server.start_again();
    for load in loads {
        load.await.unwrap();
    }
    // The server may have lost the sessions or kept them.
    let began = Instant::now();
    for key in &keys {
        while let Err(error) = here.end(key, now()).await {
            assert!(began.elapsed() < PATIENCE, "{error}");
        }
        created(&*here, key, "new").await;
    }
    let acknowledged = Instant::now();
    let last = last_old_read(&there, &keys[0], "old", acknowledged).await;
    println!("the last older read after a kill began {last:?} after the write was acknowledged");
    assert!(last <= BOUND, "{last:?}");
    for key in &keys {
        assert_eq!(text(&there.load(key, now()).await.unwrap()), Some("new"));
    }
}

/// The rate of hits is that of the formula in the guide: 1 − N(1−(1−1/N)^r)/r with r reads between
/// two writes, on N nodes chosen at random.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_rate_of_hits_is_as_computed() {
    const WRITES: usize = 100;
    let server = Redis::start();
    println!("reads per write; nodes; hits measured and computed; calls per read without and with the cache");
    for nodes in [1_usize, 2, 4, 8] {
        let mut all = Vec::new();
        for _ in 0..nodes {
            all.push(node(&server.url()).await);
        }
        for reads in [5_usize, 10, 20, 50] {
            let key = fresh_id().unwrap().store_key();
            let mut seen = created(&*all[0], &key, "0").await;
            for node in &all {
                until_warm(node, &key).await;
            }
            let (mut hits, mut state, writer) = (0, 0_u64, RedisStore::connect(&server.url()).await.unwrap());
            for write in 0..WRITES {
                let hints: Vec<u64> = all.iter().map(|node| node.stats().hints).collect();
                seen = replaced(&writer, &key, seen, &write.to_string()).await;
                // A visitor's next request comes later than the hints.
                let began = Instant::now();
                while all.iter().zip(&hints).any(|(node, before)| node.stats().hints == *before) {
                    assert!(began.elapsed() < PATIENCE, "no hint");
                    tokio::task::yield_now().await;
                }
                for _ in 0..reads {
                    state += 1;
                    let node = &all[(cloakroom_servers::scrambled(state) % nodes as u64) as usize];
                    let before = node.stats().hits;
                    node.load(&key, now()).await.unwrap();
                    hits += node.stats().hits - before;
                }
            }
            let (n, r) = (nodes as f64, reads as f64);
            let computed = 1.0 - n * (1.0 - (1.0 - 1.0 / n).powf(r)) / r;
            let measured = hits as f64 / (WRITES * reads) as f64;
            println!(
                "{reads:>3} {nodes} {:.0} % {:.0} %; 1 and {:.2}",
                measured * 100.0,
                computed * 100.0,
                1.0 - measured
            );
            // A machine that holds up the pings has fewer hits, and never more.
            assert!(measured <= computed + 0.08, "{measured} and not {computed}");
        }
    }
}
