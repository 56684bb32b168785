//! A master and its replica with three sentinels.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Sentinels;
use cloakroom_store::store::conformance::assert_conforms;

use crate::bench::{
    clock, finished, key, nothing_is_lost, patient, scripts_are_sent_again, summary, time_until_it_answers, write_until,
};
use crate::single::CAPABILITIES;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_master_under_sentinels_conforms() {
    let servers = Sentinels::start();
    let store = RedisStore::connect_sentinel(&servers.urls(), &patient("redis://mymaster/0")).await.unwrap();
    assert_conforms(Arc::new(store), CAPABILITIES.rounds(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failover_loses_no_confirmed_write() {
    let mut servers = Sentinels::start();
    servers.notice_after(Duration::from_millis(500));
    let store = RedisStore::connect_sentinel(&servers.urls(), "redis://mymaster/0").await.unwrap();
    let store = Arc::new(store.durability(1, Duration::from_millis(500)));
    let writing = clock() + Duration::from_secs(2);
    let writers: Vec<_> = (0..16).map(|_| tokio::spawn(write_until(Arc::clone(&store), writing))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    servers.servers[0].kill();
    let lost = clock();
    while !servers.servers[1].cli(&["ROLE"]).starts_with("master") {
        assert!(lost.elapsed() < Duration::from_secs(120), "the sentinels don't agree");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let agreed = lost.elapsed();
    let burst = time_until_it_answers(&store, &key()).await;
    let all = finished(writers).await;
    nothing_is_lost(&store, &all).await;
    println!("failover: {}; a new master after {agreed:?}, and an answer {burst:?} later", summary(&all));
    assert!(burst < Duration::from_secs(10), "{burst:?}");

    // The new master has no replica, and may not know the scripts: they are sent again. Without
    // required replicas, all calls succeed.
    let _ = servers.servers[1].cli(&["SCRIPT", "FLUSH"]);
    let store = RedisStore::connect_sentinel(&servers.urls(), "mymaster").await.unwrap();
    let written = write_until(Arc::new(store), clock() + Duration::from_millis(200)).await;
    assert_eq!(written.errors, 0, "{written:?}");
}

#[tokio::test]
async fn scripts_are_sent_again_to_a_master_that_forgot_them() {
    let servers = Sentinels::start();
    let store = RedisStore::connect_sentinel(&servers.urls(), "mymaster").await.unwrap();
    scripts_are_sent_again(&store, &servers.servers[..1]).await;
    scripts_are_sent_again(&store.durability(1, Duration::from_millis(900)), &servers.servers[..1]).await;
}

#[tokio::test]
async fn an_unknown_master_is_an_error() {
    let server = cloakroom_servers::redis::Redis::start();
    let error = RedisStore::connect_sentinel(&[server.url()], "redis://:sesame@nobody/").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
}
