//! Existing clients and pools of an application, as shown in the guide.

mod bb8;
mod deadpool;
#[expect(clippy::wildcard_enum_match_arm, reason = "the code of the guide names the kinds that Redis answers with")]
mod fred;

use std::sync::Arc;
use std::time::Duration;

use ::fred::prelude::{Builder, ClientLike as _, Config};
use bb8_redis::RedisConnectionManager;
use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_store::store::{
    Created, Loaded, Replaced, Store as _,
    conformance::{assert_conforms, nth},
};
use redis::AsyncConnectionConfig;

use crate::bench::{entry, key, now};
use crate::single::CAPABILITIES;

/// Returns a store for each client, with connections to this server.
async fn each(server: &Redis) -> [(&'static str, RedisStore); 3] {
    let patience = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    let manager = deadpool_redis::Manager::new_with_config(server.url(), patience).unwrap();
    let deadpool = deadpool_redis::Pool::builder(manager).max_size(4).build().unwrap();
    let manager = RedisConnectionManager::new(server.url()).unwrap();
    let bb8 = bb8_redis::bb8::Pool::builder().max_size(4).build(manager).await.unwrap();
    let fred = Builder::from_config(Config::from_url(&server.url()).unwrap()).build().unwrap();
    fred.init().await.unwrap();
    [
        ("deadpool-redis", RedisStore::from_connection(deadpool::Pooled(deadpool))),
        ("bb8-redis", RedisStore::from_connection(bb8::Pooled(bb8))),
        ("fred", RedisStore::from_connection(fred::Fred(fred))),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_of_the_application_conform() {
    let server = Redis::start();
    for (name, store) in each(&server).await {
        let store = store.prefix(format!("{name}:"));
        // bb8's connections have a timeout of half a second, which a race can exceed on a busy
        // machine.
        if name != "bb8-redis" {
            assert_conforms(Arc::new(store.clone()), CAPABILITIES.rounds(20)).await;
        }
        let owned = entry("text").owner(Some("ann".to_owned()));
        let (one, two) = (key(), key());
        let until = now() + Duration::from_secs(10);
        assert_eq!(store.create(&one, &owned, now()).await.unwrap(), Created::Yes(nth(1, &owned)), "{name}");
        let replaced = store.replace(&one, nth(1, &owned), &owned, now()).await.unwrap();
        assert_eq!(replaced, Replaced::Yes(nth(2, &owned)), "{name}");
        store.cycle(&one, nth(2, &owned), &two, &owned, until, now()).await.unwrap();
        assert_eq!(store.load(&one, now()).await.unwrap(), Loaded::Moved, "{name}");
        assert_eq!(store.count_owned("ann", usize::MAX, now()).await.unwrap(), 1, "{name}");
        assert!(store.end(&two, now()).await.unwrap(), "{name}");
        let checkup = store.checkup().await.unwrap();
        assert!(checkup.server.contains("Redis") && checkup.clock.is_some(), "{name}: {checkup:?}");
    }
}

/// The reply to `WAIT` must come from the connection of the write.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_that_no_replica_confirms_is_an_error_with_each() {
    let server = Redis::start();
    for (name, store) in each(&server).await {
        let (store, key) = (store.durability(1, Duration::from_millis(50)), key());
        let error = store.create(&key, &entry("text"), now()).await.unwrap_err();
        assert!(error.is_unconfirmed(), "{name}: {error}");
        assert!(matches!(store.load(&key, now()).await.unwrap(), Loaded::Live(..)), "{name}");
    }
}

/// A script that the server forgot is sent again, so its error must be recognised.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn errors_of_the_server_keep_their_codes_with_each() {
    let server = Redis::start();
    for (name, store) in each(&server).await {
        let key = key();
        store.create(&key, &entry("text"), now()).await.unwrap();
        assert_eq!(server.cli(&["SCRIPT", "FLUSH"]), "OK");
        assert!(matches!(store.load(&key, now()).await.unwrap(), Loaded::Live(..)), "{name}");
    }
}

#[test]
fn the_guide_shows_the_same() {
    let guide = include_str!("../../../../docs/guide/pools.md");
    for code in [
        include_str!("clients/deadpool.rs"),
        include_str!("clients/bb8.rs").lines().next().unwrap(),
        include_str!("clients/fred.rs"),
    ] {
        assert!(guide.contains(code), "{code}");
    }
    let (deadpool, bb8) = (include_str!("clients/deadpool.rs"), include_str!("clients/bb8.rs"));
    let others = deadpool.lines().zip(bb8.lines()).filter(|(one, other)| one != other).count();
    assert_eq!(others, 2, "the guide says that only two lines differ");
}
