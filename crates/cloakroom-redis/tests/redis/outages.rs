//! A server that is killed, and one that hangs.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_store::{Loaded, Store as _};

use crate::bench::{
    FIRST, LIFE, clock, entry, finished, key, name, nothing_is_lost, now, put, summary, time_until_it_answers,
    write_until,
};

const WRITERS: usize = 16;
const CALLS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_server_has_everything_that_it_acknowledged() {
    let mut server = Redis::start();
    let store = Arc::new(RedisStore::connect(&server.url()).await.unwrap());
    let end = clock() + Duration::from_secs(6);
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write_until(Arc::clone(&store), end))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let restart = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    });
    let recovery = time_until_it_answers(&store, &key()).await;
    let server = restart.await.unwrap();
    let all = finished(writers).await;
    nothing_is_lost(&store, &all).await;
    let gap = all.iter().map(|written| written.longest_gap).max().unwrap();
    println!(
        "kill -9: {}; {recovery:?} from the restart to an answer, {gap:?} at most between two writes",
        summary(&all)
    );
    assert!(recovery < Duration::from_secs(5), "{recovery:?}");
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_hangs_is_an_error_in_time_and_nothing_more() {
    let server = Redis::start();
    let store = Arc::new(RedisStore::connect(&server.url()).await.unwrap());
    let session = put(&store, &entry("text")).await;
    server.freeze(true);
    let calls: Vec<_> = (0..CALLS)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let start = clock();
                let error = match number % 2 {
                    0 => store.load(&session, now()).await.unwrap_err(),
                    _ => store.create(&key(), &entry("text"), now()).await.unwrap_err(),
                };
                assert!(error.is_timed_out(), "{error}");
                start.elapsed()
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for call in calls {
        slowest = slowest.max(call.await.unwrap());
    }
    assert!(slowest < Duration::from_millis(1_900), "{slowest:?}");
    server.freeze(false);
    let recovery = time_until_it_answers(&store, &session).await;
    assert!(recovery < Duration::from_secs(3), "{recovery:?}");
    assert!(matches!(store.load(&session, now()).await.unwrap(), Loaded::Live(..)));
    // The store's connection, and that of whoever asks.
    let clients = server.cli(&["INFO", "clients"]);
    let connections: usize =
        clients.lines().find_map(|line| line.strip_prefix("connected_clients:")).unwrap().parse().unwrap();
    println!(
        "SIGSTOP: {CALLS} calls ended with an error within {slowest:?}; an answer {recovery:?} after SIGCONT, {connections} connections"
    );
    assert!(connections <= 2, "{clients}");
}

/// A server without memory for more refuses to write, before anything was done.
#[tokio::test]
async fn a_server_that_is_full_refuses_and_keeps_what_it_has() {
    let server = Redis::with(&["--maxmemory-policy", "noeviction"]);
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let (kept, ended) = (put(&store, &owned).await, put(&store, &entry("text")).await);
    assert_eq!(server.cli(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    let before = (server.cli(&["DUMP", &name(&kept)]), server.cli(&["DBSIZE"]));
    let (large, until, new) = ("x".repeat(100_000), now() + Duration::from_secs(10), key());
    let longer = entry(&large).owner(Some("user".to_owned()));
    for (what, error) in [
        ("create", store.create(&new, &longer, now()).await.unwrap_err()),
        ("create for nobody", store.create(&new, &entry(&large), now()).await.unwrap_err()),
        ("replace", store.replace(&kept, FIRST, &longer, now()).await.unwrap_err()),
        ("replace for nobody", store.replace(&ended, FIRST, &entry(&large), now()).await.unwrap_err()),
        ("touch", store.touch(&kept, now(), Some(now() + LIFE + LIFE), now()).await.unwrap_err()),
        ("cycle", store.cycle(&kept, FIRST, &new, &longer, until, now()).await.unwrap_err()),
    ] {
        assert!(!error.is_corrupt() && !error.is_timed_out(), "{what}: {error}");
        assert_eq!((server.cli(&["DUMP", &name(&kept)]), server.cli(&["DBSIZE"])), before, "{what}");
    }
    assert_eq!(store.load(&kept, now()).await.unwrap(), Loaded::Live(FIRST, owned));
    assert!(store.end(&ended, now()).await.unwrap(), "signing out needs no memory");
}
