//! Connections that become silent, and connections that the server closes.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::Proxy;
use cloakroom_servers::redis::{Cluster, Redis, Sentinels};
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Loaded, Store as _, StoreError, conformance::nth};

use crate::bench::{clock, entry, first, key, now, put};

const CALLERS: usize = 32;

/// Returns how many of many concurrent reads fail.
async fn failed(store: &Arc<RedisStore>, sessions: &[StoreKey]) -> usize {
    let reads = sessions.iter().copied().cycle().take(CALLERS).map(|session| {
        let store = Arc::clone(store);
        tokio::spawn(async move { matches!(store.load(&session, now()).await, Ok(Loaded::Live(..))) })
    });
    let mut failed = 0;
    for read in reads.collect::<Vec<_>>() {
        failed += usize::from(!read.await.unwrap());
    }
    failed
}

/// Checks that calls fail in time and soon succeed again. Counts the rounds with failures.
async fn recovers(name: &str, store: RedisStore, sessions: &[StoreKey], silence: impl Fn()) {
    let store = Arc::new(store);
    assert_eq!(failed(&store, sessions).await, 0, "{name}");
    silence();
    let lost = failed(&store, sessions).await;
    assert!(lost > 0, "{name}: the silent connections were not noticed");
    let (since, mut rounds) = (clock(), 0);
    while failed(&store, sessions).await > 0 {
        rounds += 1;
        assert!(rounds < 20, "{name}: the calls never succeeded again");
    }
    println!(
        "{name}: {lost} of {CALLERS} calls failed, and all in {rounds} rounds after them; an answer to all {:?} after the first missed deadline",
        since.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_silent_connection_is_replaced() {
    let server = Redis::start();
    for (name, options) in [("redis", ""), ("redis, RESP2", "?protocol=resp2")] {
        let wire = Proxy::to(server.port());
        let store = RedisStore::connect(&format!("redis://127.0.0.1:{}/{options}", wire.port())).await.unwrap();
        let session = put(&store, &entry("text")).await;
        recovers(name, store.clone(), &[session], || wire.silence()).await;
        let replica = Redis::with(&["--replicaof", "127.0.0.1", &server.port().to_string()]);
        let store = store.durability(1, Duration::from_millis(500));
        while store.replace(&session, first("text"), &entry("newer"), now()).await.is_err() {}
        recovers(&format!("{name}, durable"), store, &[session], || wire.silence()).await;
        drop(replica);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_silent_connection_to_a_master_under_sentinels_is_replaced() {
    let (servers, wire) = Sentinels::on_wire();
    let store = RedisStore::connect_sentinel(&servers.urls(), "mymaster").await.unwrap();
    let session = put(&store, &entry("text")).await;
    recovers("sentinel", store.clone(), &[session], || wire.silence()).await;
    let store = store.durability(1, Duration::from_millis(500));
    while store.replace(&session, first("text"), &entry("newer"), now()).await.is_err() {}
    recovers("sentinel, durable", store, &[session], || wire.silence()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_silent_connection_to_a_cluster_is_replaced() {
    let (cluster, wires) = Cluster::on_wires();
    let store = RedisStore::connect_cluster(&cluster.urls()).await.unwrap();
    let mut sessions = Vec::new();
    for _ in 0..CALLERS {
        sessions.push(put(&store, &entry("text")).await);
    }
    recovers("cluster, all wires", store.clone(), &sessions, || wires.iter().for_each(Proxy::silence)).await;
    recovers("cluster, one wire", store, &sessions, || wires.iter().take(1).for_each(Proxy::silence)).await;
}

/// Closes the connections of all other clients.
fn kill_all(server: &Redis) {
    let _ = server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_that_the_server_closed_is_not_used() {
    let server = Redis::start();
    for protocol in ["", "?protocol=resp2"] {
        let store = RedisStore::connect(&format!("{}{protocol}", server.url())).await.unwrap();
        let session = put(&store, &entry("text")).await;
        let mut lost = 0;
        for round in 0..50 {
            kill_all(&server);
            let answer = store.load(&session, now()).await;
            lost += usize::from(answer.is_err());
            assert!(matches!(answer, Ok(Loaded::Live(..))), "round {round}: {answer:?}");
            kill_all(&server);
            assert!(store.touch(&session, now(), None, now()).await.unwrap(), "round {round}");
        }
        println!("killed connections{protocol}: {lost} of 50 reads failed");
    }
}

/// As with the `timeout` of managed servers. The server notifies the client when it closes the
/// connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_after_an_idle_time_succeeds() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let session = put(&store, &entry("text")).await;
    assert_eq!(server.cli(&["CONFIG", "SET", "timeout", "1"]), "OK");
    let others = || server.cli(&["CLIENT", "LIST"]).lines().filter(|line| !line.contains("cmd=client")).count();
    for round in 0..3 {
        while others() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The client has been notified, and needs a moment to react.
        tokio::time::sleep(Duration::from_millis(500)).await;
        // Start with a write, which must succeed without a retry.
        let written = put(&store, &entry("text")).await;
        assert!(matches!(store.load(&written, now()).await, Ok(Loaded::Live(..))), "round {round}");
        while others() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let answer = store.load(&session, now()).await;
        assert!(matches!(answer, Ok(Loaded::Live(..))), "round {round}: {answer:?}");
    }
    let list = server.cli(&["CLIENT", "LIST"]);
    assert!(list.contains("resp=3"), "RESP3 is the default: {list}");
}

/// A server that requires a password, and one that doesn't know `HELLO`.
#[tokio::test]
async fn rejected_connections_name_the_reason() {
    let server = Redis::with(&["--requirepass", "hunter2"]);
    for (url, told) in [
        (server.url(), "NOAUTH"),
        (server.url().replace("redis://", "redis://:wrong@"), "WRONGPASS"),
        (format!("{}?protocol=resp2", server.url()), "NOAUTH"),
        (server.url().replace("redis://", "redis://:hunter2@") + "99", "DB index is out of range"),
    ] {
        let error = RedisStore::connect(&url).await.unwrap_err().to_string();
        assert!(error.contains(told) && !error.contains("hunter2"), "{told}: {error}");
    }
    let old = Redis::with(&["--rename-command", "HELLO", ""]);
    let store = RedisStore::connect(&old.url()).await.unwrap();
    let session = key();
    store.create(&session, &entry("text"), now()).await.unwrap();
    assert!(matches!(store.load(&session, now()).await, Ok(Loaded::Live(..))));
}

/// The permissions documented in the guide, and those for waiting for replicas.
#[tokio::test]
async fn the_documented_rights_are_enough() {
    let guide = include_str!("../../../../docs/guide/redis.md");
    let line = |start: &str| guide.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}"));
    let server = Redis::start();
    for (start, waits) in [("ACL SETUSER shop ", false), ("ACL SETUSER waiting ", true)] {
        let words: Vec<&str> = line(start).split(' ').collect();
        assert_eq!(server.cli(&words), "OK");
        let url = server.url().replace("redis://", &format!("redis://{}:password@", words[2]));
        let store = RedisStore::connect(&url).await.unwrap();
        let store = if waits { store.durability(1, Duration::from_millis(20)) } else { store };
        let told = |what: &str, error: StoreError| {
            let error = error.to_string();
            assert!(waits && error.contains("0 of 1 replicas"), "{start}, {what}: {error}");
        };
        let owned = entry("text").owner(Some("user".to_owned()));
        let (one, two) = (key(), key());
        for entry in [&owned, &entry("text")] {
            let _ = store.create(&key(), entry, now()).await.map_err(|error| told("create", error));
        }
        let _ = store.create(&one, &owned, now()).await.map_err(|error| told("create", error));
        let until = now() + Duration::from_secs(10);
        let replaced = store.replace(&one, nth(1, &owned), &owned, now()).await;
        let _ = replaced.map_err(|error| told("replace", error));
        let touched = store.touch(&one, now(), Some(until), now()).await;
        let _ = touched.map_err(|error| told("touch", error));
        let cycled = store.cycle(&one, nth(2, &owned), &two, &owned, until, now()).await;
        let _ = cycled.map_err(|error| told("cycle", error));
        assert_eq!(store.owned("user", None, 10, now()).await.unwrap().sessions.len(), 2);
        assert_eq!(store.count_owned("user", usize::MAX, now()).await.unwrap(), 2);
        assert_eq!(store.scan(None, 10, now()).await.unwrap().sessions.len(), 3);
        let _ = store.end(&two, now()).await.map_err(|error| told("end", error));
        let _ = store.end_owned("user", None, 10, now()).await.map_err(|error| told("end_owned", error));
        let _ = store.end_before(until, None, now()).await.map_err(|error| told("end_before", error));
        assert!(store.scan(None, 100, now()).await.unwrap().sessions.is_empty(), "{start}");
    }
}

/// A missing permission is reported in the server's words.
#[tokio::test]
async fn a_missing_permission_is_named() {
    let server = Redis::start();
    let acl = ["ACL", "SETUSER", "app", "on", ">secret", "~cloakroom:*", "-@all", "+@read", "+@scripting"];
    assert_eq!(server.cli(&acl), "OK");
    let store = RedisStore::connect(&server.url().replace("redis://", "redis://app:secret@")).await.unwrap();
    let error = store.create(&key(), &entry("text"), now()).await.unwrap_err().to_string();
    assert!(error.contains("NOPERM") && error.contains("'set'"), "{error}");
}
