//! Ending a session without confirmation by a replica returns an error, and is retried until it is
//! confirmed.

use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::Proxy;
use cloakroom_servers::redis::{Cluster, Redis, Sentinels};
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Loaded, Store as _};

use crate::bench::{clock, entry, key, name, name_under, now, patient, put};

const CONFIRMATION: Duration = Duration::from_millis(100);

/// Generous, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = clock();
    while !done().await {
        assert!(start.elapsed() < PATIENCE, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn unconfirmed(what: &str, store: &RedisStore, session: &StoreKey) {
    let error = store.end(session, now()).await.expect_err(what);
    assert!(error.to_string().contains("0 of 1 replicas"), "{what}: {error}");
}

fn has(server: &Redis, session: &StoreKey) -> bool {
    server.cli(&["EXISTS", &name(session)]) == "1"
}

/// A master and a replica that can be cut off.
struct Pair {
    master: Redis,
    replica: Redis,
    wire: Proxy,
    store: RedisStore,
    to_store: Proxy,
}

impl Pair {
    async fn start() -> Self {
        let master = Redis::start();
        let (wire, to_store) = (Proxy::to(master.port()), Proxy::to(master.port()));
        let replica = Redis::with(&["--replicaof", "127.0.0.1", &wire.port().to_string()]);
        let store = RedisStore::connect(&format!("redis://127.0.0.1:{}/", to_store.port())).await.unwrap();
        let store = store.durability(1, CONFIRMATION);
        let first = entry("text");
        until("the replica confirms", async || store.create(&key(), &first, now()).await.is_ok()).await;
        Self { master, replica, wire, store, to_store }
    }

    /// Creates a session that the replica has as well.
    async fn put(&self) -> StoreKey {
        let store = RedisStore::connect(&patient(&self.master.url())).await.unwrap();
        put(&store.durability(1, PATIENCE), &entry("text")).await
    }

    /// Kills the master and promotes the replica, which gets a new replica.
    fn fail_over(&mut self) -> Redis {
        self.master.kill();
        assert_eq!(self.replica.cli(&["REPLICAOF", "NO", "ONE"]), "OK");
        self.to_store.lead_to(self.replica.port());
        Redis::with(&["--replicaof", "127.0.0.1", &self.replica.port().to_string()])
    }

    async fn is_gone(&self, session: &StoreKey) -> bool {
        matches!(self.store.load(session, now()).await, Ok(Loaded::Absent))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_end_known_only_to_a_lost_master_is_retried_on_the_next_one() {
    let mut pair = Pair::start().await;
    let (one, two) = (pair.put().await, pair.put().await);
    pair.wire.silence();
    unconfirmed("the first end", &pair.store, &one).await;
    unconfirmed("the second one, of nothing", &pair.store, &one).await;
    let another = RedisStore::connect(&pair.master.url()).await.unwrap().durability(1, CONFIRMATION);
    unconfirmed("that of another node", &another, &one).await;
    assert!(has(&pair.replica, &one), "the replica still has the session");
    let second = pair.fail_over();
    // No client asks again: the node that couldn't confirm the end retries it.
    until("the session is gone", async || pair.is_gone(&one).await).await;
    until("its replica knows", async || !has(&second, &one)).await;
    until("and that is confirmed", async || pair.store.end(&one, now()).await.is_ok()).await;
    assert!(matches!(pair.store.load(&two, now()).await.unwrap(), Loaded::Live(..)), "the other session is still live");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_confirmed_end_outlives_the_master() {
    let mut pair = Pair::start().await;
    let session = pair.put().await;
    pair.replica.freeze(true);
    unconfirmed("the first end", &pair.store, &session).await;
    pair.replica.freeze(false);
    // There is nothing left to end, but the call is confirmed because it writes after the first
    // one.
    until("an end is confirmed", async || pair.store.end(&session, now()).await.is_ok()).await;
    let _second = pair.fail_over();
    until("the session is gone", async || pair.is_gone(&session).await).await;
}

/// Checks that a stopped replica confirms nothing, however often the call is repeated, and confirms
/// everything once it continues.
async fn an_end_counts_once_it_is_confirmed(store: &RedisStore, session: &StoreKey, replica: &Redis) {
    replica.freeze(true);
    for attempt in 0..3 {
        let ended = store.end(session, now()).await;
        assert!(ended.is_err(), "attempt {attempt}: {ended:?}");
    }
    replica.freeze(false);
    until("an end is confirmed", async || store.end(session, now()).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_end_under_sentinels_counts_once_it_is_confirmed() {
    let servers = Sentinels::start();
    let store = RedisStore::connect_sentinel(&servers.urls(), "mymaster").await.unwrap();
    let session = put(&store, &entry("text")).await;
    until("the replica has it", async || has(&servers.servers[1], &session)).await;
    let store = store.durability(1, CONFIRMATION);
    an_end_counts_once_it_is_confirmed(&store, &session, &servers.servers[1]).await;
    assert!(!has(&servers.servers[1], &session));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_end_in_a_cluster_counts_once_it_is_confirmed() {
    let cluster = Cluster::with_replicas();
    let urls: Vec<_> = cluster.urls().iter().map(|url| patient(url)).collect();
    let store = RedisStore::connect_cluster(&urls).await.unwrap();
    for owner in [None, Some("user".to_owned())] {
        let session = put(&store.clone().durability(1, PATIENCE), &entry("text").owner(owner)).await;
        let replica = &cluster.servers[3 + cluster.master_of(&name(&session))];
        an_end_counts_once_it_is_confirmed(&store.clone().durability(1, CONFIRMATION), &session, replica).await;
    }
}

/// Error replies are handled the same way if writes wait for a confirmation.
#[tokio::test]
async fn a_value_of_another_type_is_named_with_confirmations() {
    let pair = Pair::start().await;
    let session = key();
    let _ = pair.master.cli(&["RPUSH", &name(&session), "one"]);
    let error = pair.store.end(&session, now()).await.unwrap_err();
    assert!(error.is_corrupt(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_end_of_nothing_leaves_nothing() {
    let pair = Pair::start().await;
    let count = || pair.master.cli(&["DBSIZE"]);
    let before = count();
    until("an end is confirmed", async || pair.store.end(&key(), now()).await.is_ok()).await;
    assert_eq!(count(), before);
}

/// Valkey, and Redis from 7.2 on, report the writes that are on disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_wait_for_disks_if_configured() {
    let server = Redis::valkey(&[]);
    let store = RedisStore::connect(&format!("{}?durability=aof", server.url())).await.unwrap();
    let session = put(&store, &entry("text").owner(Some("user".to_owned()))).await;
    assert!(store.end(&session, now()).await.unwrap());
    assert!(!store.end(&session, now()).await.unwrap());
    let strict = store.durability(1, CONFIRMATION);
    let error = strict.create(&key(), &entry("text"), now()).await.unwrap_err().to_string();
    assert!(error.contains("0 of 1 replicas") && !error.contains("disk"), "{error}");

    for (server, expected) in [
        (Redis::valkey(&["--appendonly", "no"]), "appendonly is disabled"),
        (Redis::with(&["--appendonly", "no"]), "appendonly is disabled"),
    ] {
        let store = RedisStore::connect(&server.url()).await.unwrap().durable_on_disk();
        let error = store.create(&key(), &entry("text"), now()).await.unwrap_err().to_string();
        // A newer server may support it.
        let knows = server.cli(&["COMMAND", "INFO", "WAITAOF"]).contains("waitaof");
        assert!(error.contains(if knows { expected } else { "has no WAITAOF" }), "{error}");
    }
}

/// Another process, whose connections have written nothing, meets the ends of the first one: they
/// are confirmed on each server that had them, or the second one fails as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ending_many_in_a_cluster_counts_once_every_server_has_confirmed_it() {
    let cluster = Cluster::with_replicas();
    // The masters: a frozen replica would hold up each new connection.
    let urls: Vec<_> = cluster.urls().iter().take(3).map(|url| patient(url)).collect();
    for prefix in ["cloakroom:", "{shop}:"] {
        let process = async || RedisStore::connect_cluster(&urls).await.unwrap().prefix(prefix);
        let patiently = process().await.durability(1, PATIENCE);
        for server in 0..3 {
            let is_there = |key: &StoreKey| cluster.master_of(&name_under(prefix, key)) == server;
            // With a hash tag in the prefix one server has all sessions.
            let tries = if prefix.starts_with('{') { 1 } else { 100 };
            let Some(session) = std::iter::repeat_with(key).take(tries).find(is_there) else { continue };
            let replica = &cluster.servers[3 + server];
            for way in ["of an owner", "of everybody"] {
                let owner = format!("user-{server}");
                let first = entry("text").owner(Some(owner.clone()));
                patiently.create(&session, &first, now()).await.unwrap();
                let end = async |store: &RedisStore| {
                    if way == "of an owner" {
                        return store.end_owned(&owner, None, 10, now()).await.map(|_| ());
                    }
                    let point = now() + Duration::from_secs(60);
                    let mut after = None;
                    loop {
                        after = store.end_before(point, after.as_ref(), now()).await?.next;
                        if after.is_none() {
                            return Ok(());
                        }
                    }
                };
                replica.freeze(true);
                let impatient = process().await.durability(1, CONFIRMATION);
                let error = end(&impatient).await.expect_err(way).to_string();
                assert!(error.contains("0 of 1 replicas"), "{prefix} {way}: {error}");
                // It has left the list of its owner, as after a look at that.
                let index = format!("{prefix}o:{owner}");
                assert_eq!(cluster.servers[cluster.master_of(&index)].cli(&["DEL", &index]), "1");
                for attempt in 0..2 {
                    let another = process().await.durability(1, CONFIRMATION);
                    let ended = end(&another).await;
                    assert!(ended.is_err(), "{prefix} {way}, attempt {attempt}: confirmed by a frozen replica");
                }
                replica.freeze(false);
                until("the ends are confirmed", async || {
                    end(&process().await.durability(1, CONFIRMATION)).await.is_ok()
                })
                .await;
                assert!(!has_under(replica, prefix, &session), "{prefix} {way}");
            }
        }
    }
}

fn has_under(server: &Redis, prefix: &str, session: &StoreKey) -> bool {
    server.cli(&["EXISTS", &name_under(prefix, session)]) == "1"
}
