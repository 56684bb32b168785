//! A single server: the conformance suite, round trips, scripts and options.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_store::store::{
    Created, Loaded, Replaced, Store as _, all_owned,
    conformance::{Capabilities, assert_conforms, nth},
    end_all_before,
};
use redis::AsyncConnectionConfig;

use crate::bench::{
    LIFE, Monitor, a_taken_key_is_an_error, entry, key, member, name, now, patient, put, scripts_are_sent_again, shown,
    time_until_it_answers,
};

pub(crate) const CAPABILITIES: Capabilities = Capabilities::all().expires_by_itself();

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_server_conforms() {
    let server = Redis::start();
    let store = RedisStore::connect(&patient(&server.url())).await.unwrap();
    assert_conforms(Arc::new(store), CAPABILITIES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_of_the_application_conforms() {
    let server = Redis::start();
    let client = redis::Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let patience = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    let connection = client.get_multiplexed_async_connection_with_config(&patience).await.unwrap();
    let store = RedisStore::from_connection(connection).prefix("an [odd] prefix*\\:");
    assert_conforms(Arc::new(store), CAPABILITIES.rounds(20)).await;
}

#[tokio::test]
async fn every_operation_is_one_round_trip() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let (one, two, three) = (key(), key(), key());
    let until = now() + Duration::from_secs(10);
    let mut monitor = Monitor::of(&server);
    // In the second round every script is known by its hash.
    for round in 0..2 {
        let mut one_more = |what: &str| {
            let commands = monitor.commands();
            let allowed = if round == 0 { 1..=2 } else { 1..=1 };
            assert!(allowed.contains(&commands.len()), "{what}, round {round}: {commands:?}");
        };
        assert_eq!(store.create(&one, &owned, now()).await.unwrap(), Created::Yes(nth(1, &owned)));
        one_more("create");
        assert!(matches!(store.load(&one, now()).await.unwrap(), Loaded::Live(..)));
        one_more("load");
        assert_eq!(store.replace(&one, nth(1, &owned), &owned, now()).await.unwrap(), Replaced::Yes(nth(2, &owned)));
        one_more("replace");
        assert!(store.touch(&one, now(), Some(now() + LIFE + LIFE), now()).await.unwrap());
        one_more("touch");
        let cycled = store.cycle(&one, nth(2, &owned), &two, &owned, until, now()).await.unwrap();
        assert_eq!(cycled, Replaced::Yes(nth(1, &owned)));
        one_more("cycle");
        store.cycle(&two, nth(1, &owned), &three, &owned, until, now()).await.unwrap();
        one_more("cycle again");
        assert_eq!(all_owned(&store, "user", now()).await.unwrap().len(), 1);
        one_more("owned");
        assert!(store.end(&one, now()).await.unwrap());
        one_more("end, two moves further");
        end_all_before(&store, now(), now()).await.unwrap();
        one_more("end_before, for less than five hundred keys");
        let _ = server.cli(&["DEL", &name(&one), &name(&two), &name(&three)]);
        monitor.commands();
    }
}

#[tokio::test]
async fn scripts_are_sent_again_to_a_server_that_forgot_them() {
    let mut server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    scripts_are_sent_again(&store, std::slice::from_ref(&server)).await;
    // A restarted server knows no scripts either.
    server.kill();
    server.start_again();
    time_until_it_answers(&store, &key()).await;
    scripts_are_sent_again(&store, std::slice::from_ref(&server)).await;
}

/// Stale or foreign members of the index are not shown, and are removed.
#[tokio::test]
async fn an_index_never_shows_sessions_of_another_owner() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let mine = put(&store, &entry("text").owner(Some("user".to_owned()))).await;
    for others in [Some("other".to_owned()), None] {
        let key = put(&store, &entry("text").owner(others)).await;
        let _ = server.cli(&["ZADD", "cloakroom:o:user", "+inf", &member(&key)]);
    }
    assert_eq!(server.cli(&["ZCARD", "cloakroom:o:user"]), "3");
    let found = all_owned(&store, "user", now()).await.unwrap();
    assert_eq!(found.iter().map(|owned| owned.key).collect::<Vec<_>>(), [mine]);
    assert_eq!(server.cli(&["ZRANGE", "cloakroom:o:user", "0", "-1"]), shown(&mine));
    assert_eq!(all_owned(&store, "other", now()).await.unwrap().len(), 1, "the other owner still has it");
}

#[tokio::test]
async fn a_session_is_in_the_index_of_its_current_owner() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let of = |owner: &str| entry("text").owner(Some(owner.to_owned()));
    let session = put(&store, &of("one")).await;
    for (version, entry, expected) in [(1, of("two"), [0, 1]), (2, of("one"), [1, 0]), (3, entry("text"), [0, 0])] {
        store.replace(&session, nth(version, &entry), &entry, now()).await.unwrap();
        let count = |owner: &str| server.cli(&["ZCARD", &format!("cloakroom:o:{owner}")]).parse::<u32>().unwrap();
        assert_eq!(["one", "two"].map(count), expected, "{:?}", entry.owner);
    }
}

#[tokio::test]
async fn expired_sessions_leave_the_index() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let (over, kept) = (put(&store, &owned).await, put(&store, &owned).await);
    let _ = server.cli(&["DEL", &name(&over)]);
    store.touch(&kept, now(), Some(now() + LIFE + LIFE), now()).await.unwrap();
    assert_eq!(server.cli(&["ZRANGE", "cloakroom:o:user", "0", "-1"]), shown(&kept));
}

#[tokio::test]
async fn a_move_onto_a_key_that_is_taken_changes_nothing() {
    let server = Redis::start();
    a_taken_key_is_an_error(&RedisStore::connect(&server.url()).await.unwrap()).await;
}

#[tokio::test]
async fn redis_expires_keys_by_itself() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let session = put(&store, &owned).await;
    let ttl = |name: &str| -> i64 { server.cli(&["PTTL", name]).parse().unwrap() };
    let millis = |span: Duration| i64::try_from((span + Duration::from_secs(60)).as_millis()).unwrap();
    let places = [(name(&session), millis(LIFE)), ("cloakroom:o:user".to_owned(), millis(LIFE + LIFE))];
    for (name, expected) in &places {
        assert!((expected - 5_000..=*expected).contains(&ttl(name)), "{name}: {}", ttl(name));
    }
    store.touch(&session, now(), Some(now() + LIFE + LIFE), now()).await.unwrap();
    for (name, expected) in &places {
        assert!(ttl(name) > *expected, "{name} after a touch: {}", ttl(name));
    }
    store.touch(&session, now(), None, now()).await.unwrap();
    for name in [name(&session), "cloakroom:o:user".to_owned()] {
        assert_eq!(ttl(&name), -1, "{name} for ever");
    }
    assert!(store.end(&session, now()).await.unwrap());
    assert_eq!(server.cli(&["DBSIZE"]), "0", "the end of an owner's last session leaves nothing");
}

#[tokio::test]
async fn ended_sessions_leave_the_index() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let (kept, evicted) = (put(&store, &owned).await, put(&store, &owned).await);
    let _ = server.cli(&["DEL", &name(&evicted)]);
    let keys: Vec<_> = all_owned(&store, "user", now()).await.unwrap().into_iter().map(|owned| owned.key).collect();
    assert_eq!(keys, [kept]);
    assert_eq!(server.cli(&["ZCARD", "cloakroom:o:user"]), "1");
}

#[tokio::test]
async fn many_sessions_are_ended_in_steps() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let other = RedisStore::connect(&server.url()).await.unwrap().prefix("other:");
    let mut old = entry("old").owner(Some("user".to_owned()));
    old.created = cloakroom_session::Timestamp::from_unix_millis(now().unix_millis() - 60_000);
    for _ in 0..1_200 {
        put(&store, &old).await;
    }
    let (young, others) = (put(&store, &entry("young")).await, put(&other, &old).await);
    let point = cloakroom_session::Timestamp::from_unix_millis(now().unix_millis() - 30_000);
    assert_eq!(end_all_before(&store, point, now()).await.unwrap(), 1_200);
    assert!(matches!(store.load(&young, now()).await.unwrap(), Loaded::Live(..)));
    assert!(matches!(other.load(&others, now()).await.unwrap(), Loaded::Live(..)));
    assert!(all_owned(&store, "user", now()).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unconfirmed_write_is_an_error_but_is_written() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap().durability(1, Duration::from_millis(50));
    let key = key();
    let error = store.create(&key, &entry("text"), now()).await.unwrap_err();
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    // A call that wrote nothing needs no replica.
    assert_eq!(store.create(&key, &entry("other"), now()).await.unwrap(), Created::Taken);
    // The repeated call is recognised by its version, and is still unconfirmed.
    store.create(&key, &entry("text"), now()).await.unwrap_err();
    assert_eq!(store.replace(&key, nth(7, &entry("text")), &entry("text"), now()).await.unwrap(), Replaced::Conflict);
}

#[tokio::test]
async fn no_password_is_shown() {
    let server = Redis::with(&["--requirepass", "open sesame"]);
    let address = format!("127.0.0.1:{}", server.port());
    let store = RedisStore::connect(&format!("redis://:open%20sesame@{address}/")).await.unwrap();
    assert!(!format!("{store:?}").contains("sesame"), "{store:?}");
    for (row, url) in [
        ("a wrong password", format!("redis://:wrong-sesame@{address}/")),
        ("no server", "redis://:open-sesame@127.0.0.1:1/".to_owned()),
        ("no URL", "redis//:open-sesame".to_owned()),
        ("another scheme", "http://:open-sesame@127.0.0.1/".to_owned()),
    ] {
        let error = RedisStore::connect(&url).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sesame"), "{row}: {error:?}");
    }
}
