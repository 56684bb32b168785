//! A Cluster of three masters.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{
    Loaded, Replaced, Store as _,
    conformance::{assert_conforms, nth},
};

use crate::bench::{
    Monitor, a_taken_key_is_an_error, clock, entry, finished, first, key, name, nothing_is_lost, now, patient, put,
    scripts_are_sent_again, summary, time_until_it_answers, write_until,
};
use crate::single::CAPABILITIES;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_masters_conform() {
    let cluster = Cluster::start();
    let urls: Vec<_> = cluster.urls().iter().map(|url| patient(url)).collect();
    let store = RedisStore::connect_cluster(&urls).await.unwrap();
    assert_conforms(Arc::new(store), CAPABILITIES.rounds(20)).await;
}

/// Creates sessions on every server, in the order of the servers.
async fn sessions(cluster: &Cluster, store: &RedisStore) -> Vec<(StoreKey, usize)> {
    let mut found = Vec::new();
    for _ in 0..60 {
        let key = put(store, &entry("text")).await;
        let at = |server: &Redis| server.cli(&["EXISTS", &name(&key)]) == "1";
        found.push((key, cluster.servers.iter().position(at).unwrap()));
    }
    assert!((0..3).all(|server| found.iter().any(|(_, at)| *at == server)));
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_master_affects_only_its_own_sessions() {
    let mut cluster = Cluster::start();
    let store = RedisStore::connect_cluster(&cluster.urls()).await.unwrap();
    let sessions = sessions(&cluster, &store).await;
    cluster.servers[1].kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (mut slowest, mut burst) = (Duration::ZERO, 0);
    for pass in 0..2 {
        for (session, at) in &sessions {
            let start = clock();
            let seen = nth(pass + 1, &entry(if pass == 0 { "text" } else { "more" }));
            let answer = store.replace(session, seen, &entry("more"), now()).await;
            slowest = slowest.max(start.elapsed());
            match (at, answer) {
                (1, Ok(answer)) => panic!("{answer:?} from a server that is gone"),
                (1, Err(error)) => assert!(!error.is_corrupt(), "{error}"),
                (_, Ok(answer)) => assert_eq!(answer, Replaced::Yes(nth(pass + 2, &entry("more")))),
                (_, Err(_)) => burst += 1,
            }
        }
    }
    cluster.servers[1].start_again();
    let start = clock();
    for (session, _) in sessions.iter().filter(|(_, at)| *at == 1) {
        while store.load(session, now()).await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "the server did not recover");
        }
    }
    let recovery = start.elapsed();
    println!(
        "a master lost: {burst} errors for sessions of others, at most {slowest:?} for a call; back {recovery:?} after its restart"
    );
    assert_eq!(burst, 0, "sessions of other servers failed");
    assert!(slowest < Duration::from_millis(1_900), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repeatedly_killed_master_loses_nothing() {
    let mut cluster = Cluster::start();
    let store = Arc::new(RedisStore::connect_cluster(&cluster.urls()).await.unwrap());
    let end = clock() + Duration::from_secs(6);
    let writers: Vec<_> = (0..16).map(|_| tokio::spawn(write_until(Arc::clone(&store), end))).collect();
    let killer = tokio::task::spawn_blocking(move || {
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(700));
            cluster.servers[1].kill();
            cluster.servers[1].start_again();
        }
        cluster
    });
    let cluster = killer.await.unwrap();
    let all = finished(writers).await;
    nothing_is_lost(&store, &all).await;
    println!("kill -9 of a master, three times: {}", summary(&all));
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_promoted_replica_has_all_confirmed_writes() {
    let mut cluster = Cluster::with_replicas();
    let store = RedisStore::connect_cluster(&cluster.urls()).await.unwrap();
    let store = Arc::new(store.durability(1, Duration::from_millis(500)));
    let lost = std::iter::repeat_with(key).find(|key| cluster.master_of(&name(key)) == 0).unwrap();
    let end = clock() + Duration::from_secs(6);
    let writers: Vec<_> = (0..24).map(|_| tokio::spawn(write_until(Arc::clone(&store), end))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.servers[0].kill();
    let burst = time_until_it_answers(&store, &lost).await;
    let all = finished(writers).await;
    nothing_is_lost(&store, &all).await;
    let others: Vec<_> = all.iter().filter(|written| cluster.master_of(&name(&written.key)) != 0).collect();
    let errors: usize = others.iter().map(|written| written.errors).sum();
    let gap = others.iter().map(|written| written.longest_gap).max().unwrap();
    println!(
        "a master permanently lost: {}; its sessions failed for {burst:?}; {} others had {errors} errors, and at most {gap:?} between two writes",
        summary(&all),
        others.len()
    );
    assert!(burst < Duration::from_secs(10), "{burst:?}");
    // The client asks all servers for the slot map, and one of them is delayed by writes that no
    // replica confirms.
    assert!(gap < Duration::from_secs(5), "sessions of other servers stalled for {gap:?}");
    assert!(others.len() < all.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn scripts_are_sent_again_to_servers_that_forgot_them() {
    let cluster = Cluster::with_replicas();
    let store = RedisStore::connect_cluster(&cluster.urls()).await.unwrap();
    scripts_are_sent_again(&store, &cluster.servers[..3]).await;
    scripts_are_sent_again(&store.durability(1, Duration::from_millis(900)), &cluster.servers[..3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_move_onto_a_key_that_is_taken_changes_nothing() {
    let cluster = Cluster::start();
    a_taken_key_is_an_error(&RedisStore::connect_cluster(&cluster.urls()).await.unwrap()).await;
}

/// Returns the scripts that reached these servers since the last call, each with its server.
fn scripts(monitors: &mut [Monitor]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (server, monitor) in monitors.iter_mut().enumerate() {
        for line in monitor.commands() {
            if let Some((_, words)) = line.split_once("\"EVALSHA\" \"") {
                let words = words.trim_end_matches('"').split("\" \"").map(str::to_owned);
                found.push((server, std::iter::once("EVALSHA".to_owned()).chain(words).collect()));
            }
        }
    }
    found
}

/// The client of a Cluster repeats a call whose answer was lost. This test sends the same bytes a
/// second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repeated_call_is_executed_once() {
    let cluster = Cluster::start();
    let store = RedisStore::connect_cluster(&cluster.urls()).await.unwrap();
    let mut monitors: Vec<_> = cluster.servers.iter().map(Monitor::of).collect();
    let answers = |sent: &[(usize, Vec<String>)]| -> Vec<String> {
        let answer = |(server, words): &(usize, Vec<String>)| {
            // `MONITOR` prints them quoted.
            let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            cluster.servers[*server].cli(&words)
        };
        sent.iter().map(answer).collect()
    };
    let again = |monitors: &mut Vec<Monitor>| -> Vec<String> {
        let answers = answers(&scripts(monitors));
        // Ignore the repeated call the next time.
        scripts(monitors);
        answers
    };
    // Scripts are first sent as text. After these calls, every server knows each of them.
    for _ in 0..12 {
        let (one, two) = (put(&store, &entry("text")).await, key());
        store.replace(&one, first("text"), &entry("text"), now()).await.unwrap();
        store
            .cycle(&one, nth(2, &entry("text")), &two, &entry("text"), now() + Duration::from_secs(10), now())
            .await
            .unwrap();
    }
    scripts(&mut monitors);

    let (one, two) = (put(&store, &entry("one")).await, key());
    assert_eq!(again(&mut monitors), ["1"], "create");
    let second = nth(2, &entry("two"));
    let replaced = store.replace(&one, first("one"), &entry("two"), now()).await.unwrap();
    assert_eq!(replaced, Replaced::Yes(second.clone()));
    let late = scripts(&mut monitors);
    for _ in 0..2 {
        assert_eq!(answers(&late), ["1"], "replace");
    }
    // A process with many writes must not evict the last call of another process, which may be
    // repeated.
    let other = RedisStore::connect_cluster(&cluster.urls()).await.unwrap();
    let mut there = second.clone();
    for number in 0..30 {
        let next = entry(&number.to_string());
        let Replaced::Yes(version) = other.replace(&one, there, &next, now()).await.unwrap() else {
            panic!("no other process writes")
        };
        there = version;
    }
    assert_eq!(answers(&late), ["1"], "replace, after others");
    let next = entry("two");
    let Replaced::Yes(second) = store.replace(&one, there, &next, now()).await.unwrap() else {
        panic!("no other process writes")
    };
    scripts(&mut monitors);
    assert!(matches!(store.load(&one, now()).await.unwrap(), Loaded::Live(version, _) if version == second));
    let until = now() + Duration::from_secs(10);
    store.cycle(&one, second, &two, &entry("three"), until, now()).await.unwrap();
    assert_eq!(again(&mut monitors), ["1", "1"], "both halves of cycle");
    assert!(matches!(store.load(&two, now()).await.unwrap(), Loaded::Live(version, _) if version == first("three")));
}
