//! Servers that are killed, servers that hang, and callers that stop waiting.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_session::factory::StoreKey;
use cloakroom_sql::{MysqlStore, PostgresStore};
use cloakroom_store::store::{Created, Entry, Loaded, Replaced, Store, StoreError, conformance::nth, end_all_before};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::common::{LATER, NOW, entry, key};
use crate::postgres::client;

/// Returns a record whose every line names its session and version, so that partial and foreign
/// data are detected.
fn text(number: u64, version: u64) -> Entry {
    entry(&format!("{number} {version}\n").repeat(2000))
}

/// Writes sessions until told to stop, and records the acknowledged writes.
async fn write<S: Store>(store: S, writer: u64, stop: Arc<AtomicBool>, known: Arc<Mutex<HashMap<u64, u64>>>) {
    for number in writer * 1_000_000.. {
        let mut version = 0;
        while version < 5 {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let (key, next) = (key(number), text(number, version + 1));
            let written = if version == 0 {
                store.create(&key, &next, NOW).await.map(|made| matches!(made, Created::Yes(_)))
            } else {
                let replaced = store.replace(&key, nth(version, &text(number, version)), &next, NOW).await;
                replaced.map(|replaced| matches!(replaced, Replaced::Yes(_)))
            };
            match written {
                Ok(true) => {
                    version += 1;
                    known.lock().unwrap().insert(number, version);
                }
                // The outcome of an unanswered write is unknown: continue with the next session.
                Ok(false) | Err(_) => break,
            }
        }
    }
}

/// Kills a server during writes and restarts it: acknowledged writes survive, and no write is
/// partial.
async fn killed<S: Store + Clone, T>(name: &str, store: &S, server: &mut T, kill: fn(&mut T), restart: fn(&mut T)) {
    let known = Arc::new(Mutex::new(HashMap::new()));
    for round in 0..3 {
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = JoinSet::new();
        for writer in 0..8 {
            writers.spawn(write(store.clone(), 10 * round + writer, Arc::clone(&stop), Arc::clone(&known)));
        }
        let before = known.lock().unwrap().len();
        while known.lock().unwrap().len() < before + 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        kill(server);
        stop.store(true, Ordering::SeqCst);
        writers.join_all().await;
        assert!(!store.load(&key(0), NOW).await.unwrap_err().is_corrupt());
        restart(server);
        let since = Instant::now();
        while store.load(&key(0), NOW).await.is_err() {
            assert!(since.elapsed() < Duration::from_secs(10), "{name} doesn't recover");
        }
        println!("{name}: the first answer came {:?} after the restart", since.elapsed());
    }
    let known = known.lock().unwrap().clone();
    for (number, acknowledged) in &known {
        let found = store.load(&key(*number), NOW).await.unwrap();
        let Loaded::Live(version, there) = found else { panic!("{name}: {number} is lost: {found:?}") };
        let writes = (*acknowledged..=acknowledged + 1).find(|writes| there == text(*number, *writes));
        let writes =
            writes.unwrap_or_else(|| panic!("{name}: half a write, or not one of {acknowledged} and the next"));
        assert_eq!(version, nth(writes, &there), "{name}: the version of another write");
        let next = store.replace(&key(*number), version.clone(), &entry("goes on"), NOW).await.unwrap();
        assert_eq!(next, Replaced::Yes(entry("goes on").next_version(Some(&version))));
    }
    println!("{name}: {} writes acknowledged before 3 kills, all there", known.values().sum::<u64>());
}

/// Makes one call of each kind in turn. A loaded session must be the requested one.
async fn call(store: impl Store, number: u64) -> Result<(), StoreError> {
    let (key, version) = (key(number), nth(1, &text(number, 1)));
    match number % 4 {
        0 => match store.load(&key, NOW).await? {
            Loaded::Live(_, there) => {
                assert!(there.text().starts_with(&format!("{number} ")), "another session's record")
            }
            Loaded::Moved | Loaded::Absent => panic!("session {number} is lost"),
        },
        1 => store.replace(&key, version, &text(number, 2), NOW).await.map(|_| ())?,
        2 => store.touch(&key, LATER, Some(LATER), NOW).await.map(|_| ())?,
        _ => store.cycle(&key, version, &elsewhere(number), &text(number, 1), LATER, NOW).await.map(|_| ())?,
    }
    Ok(())
}

fn elsewhere(number: u64) -> StoreKey {
    key(number + 500_000)
}

async fn fill(store: &impl Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        store.create(&key(number), &text(number, 1), NOW).await.unwrap();
    }
}

/// Callers that stop waiting for a hanging server leave nothing behind that affects later callers.
async fn hangs<S: Store + Clone>(name: &str, store: &S, freeze: impl Fn(bool)) {
    fill(store, 0..200).await;
    freeze(true);
    let mut calls = JoinSet::new();
    for number in 0..200 {
        let store = store.clone();
        calls.spawn(timeout(Duration::from_millis(200), async move { call(store, number).await }));
    }
    let answered = calls.join_all().await.iter().filter(|answer| matches!(answer, Ok(Ok(())))).count();
    assert_eq!(answered, 0, "{name}: a server that hangs has answered");
    freeze(false);
    let since = Instant::now();
    let mut calls = JoinSet::new();
    for number in 0..200 {
        let store = store.clone();
        calls.spawn(timeout(Duration::from_secs(30), async move { call(store, number).await }));
    }
    for answer in calls.join_all().await {
        answer.expect("no connection is left").unwrap();
    }
    println!("{name}: 200 calls were given up while it hung; the next 200 took {:?}", since.elapsed());
}

/// Callers stop waiting at arbitrary moments; the next user of their connection finds it usable.
async fn dropped<S: Store + Clone>(name: &str, store: &S) {
    fill(store, 1000..1400).await;
    let mut given_up = 0;
    for round in 0..1200_u64 {
        // Counts turns of the runtime, because its timers are coarser than the length of a call.
        let patience = async {
            for _ in 0..(round % 60).pow(2) / 8 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            answer = call(store.clone(), 1000 + round % 400) => answer.unwrap(),
            () = patience => given_up += 1,
        }
        let other = 1000 + (round * 4) % 400;
        call(store.clone(), other).await.unwrap();
    }
    println!("{name}: {given_up} of 1200 calls were left in the middle");
    assert!(given_up > 50, "{name}: only {given_up} calls were left in the middle");
    // No pooled connection has an unfinished transaction: all callers see everything written now.
    let counted = (0..64).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let key = key(5000 + number);
            store.create(&key, &entry("{}"), NOW).await.unwrap();
            for _ in 0..8 {
                assert!(matches!(store.load(&key, NOW).await.unwrap(), Loaded::Live(..)));
            }
        })
    });
    for task in counted.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    let mut server = Postgres::start();
    let store = PostgresStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    dropped("postgres", &store).await;
    hangs("postgres", &store, |frozen| server.freeze(frozen)).await;
    end_all_before(&store, LATER, NOW).await.unwrap();
    let store = PostgresStore::connect(&server.url()).unwrap();
    killed("postgres", &store, &mut server, |server| server.server().kill(), Postgres::restart).await;
}

/// An assumption of these tests: a killed server answers no client, not even through a backend
/// process that is still running.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgres_answers_no_client() {
    let mut server = Postgres::start();
    let (working, other) = (client(&server.url()).await, client(&server.url()).await);
    let answer =
        tokio::spawn(async move { working.simple_query("SELECT count(*) FROM generate_series(1, 100000000)").await });
    let active = "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate\\_series%' AND pid <> pg_backend_pid()";
    while other.query(active, &[]).await.unwrap().is_empty() {
        assert!(!answer.is_finished(), "it was through before it was killed: {answer:?}");
    }
    server.server().kill();
    assert!(answer.await.unwrap().is_err());
    server.restart();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mysql() {
    let mut server = MariaDb::start();
    let store = MysqlStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    dropped("mysql", &store).await;
    hangs("mysql", &store, |frozen| server.freeze(frozen)).await;
    end_all_before(&store, LATER, NOW).await.unwrap();
    killed("mysql", &store, &mut server, |server| server.server().kill(), MariaDb::restart).await;
}

#[cfg(all(feature = "sqlx-postgres", feature = "sqlx-mysql"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pools_of_sqlx() {
    let server = Postgres::start();
    let store = PostgresStore::from_sqlx(::sqlx::PgPool::connect(&server.url()).await.unwrap());
    store.migrate().await.unwrap();
    dropped("postgres by sqlx", &store).await;
    hangs("postgres by sqlx", &store, |frozen| server.freeze(frozen)).await;
    let server = MariaDb::start();
    let store = MysqlStore::from_sqlx(::sqlx::MySqlPool::connect(&server.url()).await.unwrap());
    store.migrate().await.unwrap();
    dropped("mysql by sqlx", &store).await;
    hangs("mysql by sqlx", &store, |frozen| server.freeze(frozen)).await;
}
