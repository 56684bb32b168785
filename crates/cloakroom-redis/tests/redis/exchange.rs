//! Commits without a script, on a server with compare-and-set: the results must be the same for
//! every stored value.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{
    Created, Entry, Loaded, Replaced, Store, StoreError, all_owned,
    conformance::{assert_conforms, nth},
    delegate_store,
};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Arg, Cmd, Pipeline, RedisFuture, Value};

use crate::bench::{self, LIFE, Monitor, entry, first, name, name_under, now, patient, put};
use crate::single::CAPABILITIES;

/// A store whose callers pass the loaded value with the version, as sessions do, and not the number
/// alone.
#[derive(Debug)]
struct Loading(RedisStore);

impl Store for Loading {
    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let seen = match self.0.load(key, now).await {
            Ok(Loaded::Live(version, _)) if version == seen => version,
            _ => seen,
        };
        self.0.replace(key, seen, entry, now).await
    }

    delegate_store!(0, except replace);
}

/// A connection to an older server, which doesn't know the option.
#[derive(Clone)]
struct Older {
    inner: MultiplexedConnection,
    refused: Arc<AtomicUsize>,
}

impl Older {
    async fn connect(server: &Redis) -> Self {
        let client = redis::Client::open(server.url()).unwrap();
        Self { inner: client.get_multiplexed_async_connection().await.unwrap(), refused: Arc::default() }
    }
}

impl ConnectionLike for Older {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        if command.args_iter().any(|argument| matches!(argument, Arg::Simple(b"IFEQ"))) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let error = redis::make_extension_error("ERR".to_owned(), Some("syntax error".to_owned()));
            return Box::pin(async { Err(error) });
        }
        self.inner.req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.inner.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}

async fn seen(store: &RedisStore, key: &StoreKey) -> Version {
    match store.load(key, now()).await.unwrap() {
        Loaded::Live(version, _) => version,
        other @ (Loaded::Moved | Loaded::Absent) => panic!("{other:?}"),
    }
}

/// Returns the names of the commands received.
fn names(monitor: &mut Monitor) -> Vec<String> {
    let name = |line: &String| line.split('"').nth(1).unwrap_or_default().to_owned();
    monitor.commands().iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_with_compare_and_set_conforms() {
    let server = Redis::valkey(&[]);
    let store = RedisStore::connect(&patient(&server.url())).await.unwrap();
    assert_conforms(Arc::new(Loading(store)), CAPABILITIES).await;
}

#[tokio::test]
async fn a_session_without_an_owner_needs_no_script() {
    let server = Redis::valkey(&[]);
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let mut monitor = Monitor::of(&server);
    for (row, entry) in [
        ("with a deadline", entry("text")),
        ("for ever", Entry::new("text".into(), now(), now(), None)),
        ("a large one", entry(&"text".repeat(20_000))),
    ] {
        let key = put(&store, &entry).await;
        let version = seen(&store, &key).await;
        let other = entry.clone().with_text("another");
        assert_eq!(store.replace(&key, version, &other, now()).await.unwrap(), Replaced::Yes(nth(2, &other)), "{row}");
        assert_eq!(names(&mut monitor), ["SET", "GET", "SET"], "{row}");
        assert_eq!(store.load(&key, now()).await.unwrap(), Loaded::Live(nth(2, &other), other), "{row}");
        let ttl: i64 = server.cli(&["PTTL", &name(&key)]).parse().unwrap();
        assert_eq!(ttl > 0, entry.deadline.is_some(), "{row}: {ttl}");
        monitor.commands();
    }
}

#[tokio::test]
async fn a_script_decides_if_the_value_differs() {
    let server = Redis::valkey(&[]);
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let later = now() + LIFE + LIFE;
    for row in ["touched", "replaced", "moved", "ended", "over", "signed in", "signed out", "another's"] {
        let mut there = entry("text");
        there.owner = ["signed out", "another's"].contains(&row).then(|| "other".to_owned());
        let key = put(&store, &there).await;
        let version = seen(&store, &key).await;
        let (mut at, mut next) = (now(), entry("next"));
        match row {
            "touched" => assert!(store.touch(&key, now(), Some(later), now()).await.unwrap()),
            "replaced" => {
                store.replace(&key, first("text"), &entry("other"), now()).await.unwrap();
            }
            "moved" => {
                store.cycle(&key, first("text"), &bench::key(), &entry("text"), later, now()).await.unwrap();
            }
            "ended" => assert!(store.end(&key, now()).await.unwrap()),
            // Redis keeps it for another minute.
            "over" => at = later,
            "signed in" | "another's" => next = next.owner(Some("user".to_owned())),
            _ => {}
        }
        let there = server.cli(&["GET", &name(&key)]);
        let mut monitor = Monitor::of(&server);
        let replaced = store.replace(&key, version, &next, at).await;
        let commands = names(&mut monitor);
        // The script is known from the second row on. A conflict that is visible in the loaded
        // value causes no `SET`.
        if row == "replaced" || row == "ended" {
            assert_eq!(commands, ["SET", "EVALSHA"], "{row}");
        } else if row == "over" {
            assert_eq!(commands, ["EVALSHA"], "{row}");
        }
        let expected = match row {
            "replaced" => Replaced::Conflict,
            "moved" | "ended" | "over" => Replaced::Gone,
            _ => Replaced::Yes(nth(2, &next)),
        };
        assert_eq!(replaced.unwrap(), expected, "{row}");
        if !matches!(expected, Replaced::Yes(_)) {
            assert_eq!(server.cli(&["GET", &name(&key)]), there, "{row}");
        }
    }
    assert_eq!(all_owned(&store, "user", now()).await.unwrap().len(), 2);
    assert_eq!(server.cli(&["ZCARD", "cloakroom:o:other"]), "0");
}

#[tokio::test]
async fn a_value_of_another_kind_is_an_error_that_names_it() {
    let server = Redis::valkey(&[]);
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let key = put(&store, &entry("text")).await;
    let version = seen(&store, &key).await;
    let _ = server.cli(&["DEL", &name(&key)]);
    let _ = server.cli(&["RPUSH", &name(&key), "one"]);
    let error = store.replace(&key, version, &entry("next"), now()).await.unwrap_err();
    assert!(error.is_corrupt() && error.to_string().contains(&key.prefix()), "{error}");
    assert_eq!(server.cli(&["LRANGE", &name(&key), "0", "-1"]), "one");
}

#[tokio::test]
async fn a_new_session_overwrites_no_live_session() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let mut monitor = Monitor::of(&server);
    let key = put(&store, &entry("text")).await;
    assert_eq!(names(&mut monitor), ["SET"]);
    assert_eq!(store.create(&key, &entry("other"), now()).await.unwrap(), Created::Taken);
    // An expired session doesn't block the key, although Redis still has it.
    assert_eq!(store.create(&key, &entry("other"), now() + LIFE + LIFE).await.unwrap(), Created::Yes(first("other")));
}

/// The index is only updated when the session's entry becomes too short.
#[tokio::test]
async fn a_session_with_an_owner_rarely_needs_a_script() {
    let server = Redis::valkey(&[]);
    let new = RedisStore::connect(&server.url()).await.unwrap();
    let old = RedisStore::from_connection(Older::connect(&server).await).prefix("older:");
    for (what, store, prefix, command) in
        [("exchanged", new, "cloakroom:", "SET"), ("by a script", old, "older:", "EVALSHA")]
    {
        let start = now();
        let at = |part: u32| (start + LIFE * part / 10, Some(start + LIFE * part / 10 + LIFE));
        let of = |(now, deadline): (Timestamp, Option<Timestamp>)| {
            Entry::new("text".into(), start, now, deadline).owner(Some("user".to_owned()))
        };
        let session = put(&store, &of(at(0))).await;
        let (index, name) = (format!("{prefix}o:user"), name_under(prefix, &session));
        let listed = || server.cli(&["PEXPIRETIME", &index]).parse::<f64>().unwrap();
        let expires = || server.cli(&["PEXPIRETIME", &name]).parse::<f64>().unwrap();
        let mut monitor = Monitor::of(&server);
        for (part, is_listed_anew) in
            [(1, false), (6, true), (8, false), (12, true), (16, false), (18, true), (22, false)]
        {
            let (before, version) = (listed(), seen(&store, &session).await);
            monitor.commands();
            store.replace(&session, version, &of(at(part)), at(part).0).await.unwrap();
            let commands = names(&mut monitor);
            // From then on all scripts are known.
            if part >= 8 {
                assert_eq!(commands, [if is_listed_anew { "EVALSHA" } else { command }], "{what}, {part}");
            }
            assert_eq!(listed() > before, is_listed_anew, "{what}, {part}");
            assert!(expires() <= listed(), "{what}, {part}: it outlives its index entry");
        }
    }
}

#[tokio::test]
async fn a_server_without_compare_and_set_is_asked_once() {
    let server = Redis::start();
    let older = Older::connect(&server).await;
    let refused = Arc::clone(&older.refused);
    let store = RedisStore::from_connection(older);
    let key = put(&store, &entry("text")).await;
    for number in 1..4 {
        let version = seen(&store, &key).await;
        assert_eq!(version.image().is_some(), number == 1);
        let replaced = store.clone().replace(&key, version, &entry("next"), now()).await.unwrap();
        assert_eq!(replaced, Replaced::Yes(nth(number + 1, &entry("next"))));
        assert_eq!(refused.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_compare_and_set_waits_for_replicas() {
    for server in [Redis::valkey(&[]), Redis::start()] {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let key = put(&store, &entry("text")).await;
        let (strict, version) = (store.clone().durability(1, Duration::from_millis(50)), seen(&store, &key).await);
        let error = strict.replace(&key, version.clone(), &entry("next"), now()).await.unwrap_err();
        assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
        // It has been written, so the loaded value is outdated. A call that changes nothing needs
        // no replica.
        assert_eq!(strict.replace(&key, version, &entry("other"), now()).await.unwrap(), Replaced::Conflict);
        let error = strict.create(&bench::key(), &entry("text"), now()).await.unwrap_err();
        assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    }
}

#[tokio::test]
async fn debug_of_a_version_shows_nothing_of_the_session() {
    let server = Redis::valkey(&[]);
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let key = put(&store, &entry("a secret")).await;
    let version = seen(&store, &key).await;
    assert!(version.image().is_some());
    assert_eq!(format!("{version:?}"), format!("Version({})", version.number()));
}
