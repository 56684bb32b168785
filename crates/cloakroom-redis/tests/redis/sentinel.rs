//! A master and its replica under three sentinels.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Sentinels;
use cloakroom_store::conformance::assert_conforms;

use crate::bench::{clock, nothing_is_lost, time_until_it_answers, write_until};
use crate::single::CAPABILITIES;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_master_conforms_and_loses_nothing_when_it_dies() {
    let mut servers = Sentinels::start();
    let store = RedisStore::connect_sentinel(&servers.urls(), "mymaster").await.unwrap();
    let store = Arc::new(store);
    assert_conforms(Arc::clone(&store), CAPABILITIES.rounds(50)).await;
    drop(store);

    let master = "redis://mymaster/0";
    let store = RedisStore::connect_sentinel(&servers.urls(), master).await.unwrap();
    let store = Arc::new(store.durability(1, Duration::from_millis(500)));
    let writing = clock() + Duration::from_secs(2);
    let writers: Vec<_> = (0..16).map(|_| tokio::spawn(write_until(Arc::clone(&store), writing))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    servers.servers[0].kill();
    let recovery = time_until_it_answers(&store).await;
    let mut all = Vec::new();
    for writer in writers {
        all.push(writer.await.unwrap());
    }
    nothing_is_lost(&store, &all).await;
    let writes: u64 = all.iter().map(|written| written.acknowledged).sum();
    let errors: usize = all.iter().map(|written| written.errors).sum();
    println!("failover: {writes} writes confirmed, none lost, {errors} errors; an answer {recovery:?} after the kill");
    assert!(recovery < Duration::from_secs(15), "{recovery:?}");

    // Without a replica for the new master nothing is confirmed; without asking for it, all goes on.
    let store = RedisStore::connect_sentinel(&servers.urls(), "mymaster").await.unwrap();
    let written = write_until(Arc::new(store), clock() + Duration::from_millis(200)).await;
    assert_eq!(written.errors, 0, "{written:?}");
}

#[tokio::test]
async fn an_unknown_master_is_an_error() {
    let server = cloakroom_servers::redis::Redis::start();
    let error = RedisStore::connect_sentinel(&[server.url()], "redis://:sesame@nobody/").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
}
