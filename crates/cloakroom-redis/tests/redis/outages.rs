//! A server that is killed, and one that hangs.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_store::{Loaded, Store as _};

use crate::bench::{clock, entry, key, nothing_is_lost, now, put, time_until_it_answers, write_until};

const WRITERS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_server_has_everything_that_it_acknowledged() {
    let mut server = Redis::start();
    let store = Arc::new(RedisStore::connect(&server.url()).await.unwrap());
    let end = clock() + Duration::from_secs(6);
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write_until(Arc::clone(&store), end))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let server = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    });
    let server = server.await.unwrap();
    let recovery = time_until_it_answers(&store).await;
    let mut all = Vec::new();
    for writer in writers {
        all.push(writer.await.unwrap());
    }
    nothing_is_lost(&store, &all).await;
    let writes: u64 = all.iter().map(|written| written.acknowledged).sum();
    let errors: usize = all.iter().map(|written| written.errors).sum();
    let gap = all.iter().map(|written| written.longest_gap).max().unwrap();
    println!(
        "kill -9: {writes} writes acknowledged, none lost, {errors} errors; {recovery:?} from up to answering, {gap:?} at most between two writes"
    );
    assert!(recovery < Duration::from_secs(3), "{recovery:?}");
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_hangs_is_an_error_in_time_and_nothing_more() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let session = put(&store, &entry("text")).await;
    server.freeze(true);
    for what in ["load", "create"] {
        let start = clock();
        let error = match what {
            "load" => store.load(&session, now()).await.unwrap_err(),
            _ => store.create(&key(), &entry("text"), now()).await.unwrap_err(),
        };
        let took = start.elapsed();
        assert!(error.is_timed_out(), "{what}: {error}");
        assert!(took < Duration::from_millis(1_900), "{what}: {took:?}");
    }
    server.freeze(false);
    let recovery = time_until_it_answers(&store).await;
    println!("SIGSTOP: an answer {recovery:?} after SIGCONT");
    assert!(recovery < Duration::from_secs(3), "{recovery:?}");
    assert!(matches!(store.load(&session, now()).await.unwrap(), Loaded::Live(..)));
}
