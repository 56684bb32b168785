//! Values are returned as written, from each of the scripts that write them.

use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Entry, Loaded, Replaced, Store as _, all_owned, conformance::nth};

use crate::bench::{LIFE, key, name, now, put};

const LAST: Timestamp = Timestamp::from_unix_millis(u64::MAX);

fn entries() -> Vec<(&'static str, Entry)> {
    let (first, now) = (Timestamp::from_unix_millis(0), now());
    let of = |text: &str, owner: Option<&str>| {
        Entry::new(text.into(), now, now, Some(now + LIFE)).owner(owner.map(str::to_owned))
    };
    let long = "long ".repeat(200);
    vec![
        ("a text", of("text", None)),
        ("no text", of("", None)),
        ("lines", of("\n\n1 2 3 - - - -\n", None)),
        ("a long text", of(&long.repeat(20), Some("user"))),
        ("an empty owner", of("text", Some(""))),
        ("an empty owner, and no text", of("", Some(""))),
        ("an owner with special characters", of("-", Some("a - \n 1 \0 %d %1 é日"))),
        ("an owner that is a dash", of("text", Some("-"))),
        ("an owner longer than the part that scripts read", of("text", Some(&long[..250]))),
        ("a very long owner", of("text", Some(&long))),
        ("for ever", Entry::new("text".into(), now, now, None).owner(Some("user".to_owned()))),
        ("the smallest numbers", Entry::new("text".into(), first, first, Some(now + LIFE))),
        ("the largest numbers", Entry::new("text".into(), LAST, LAST, Some(LAST)).owner(Some("user".to_owned()))),
    ]
}

async fn assert_kept(what: &str, store: &RedisStore, key: &StoreKey, version: Version, entry: &Entry) {
    let expected = Loaded::Live(version, entry.clone());
    assert_eq!(store.load(key, now()).await.unwrap(), expected, "{what}");
    if let Some(owner) = &entry.owner {
        let owned = all_owned(store, owner, now()).await.unwrap();
        let found = owned.into_iter().find(|owned| owned.key == *key).map(|owned| owned.entry);
        assert_eq!(found.as_ref(), Some(entry), "{what}, by its owner");
    }
    let (mut place, mut found) = (None, None);
    while found.is_none() {
        let page = store.scan(place.as_ref(), 100, now()).await.unwrap();
        assert_eq!(page.damaged, [], "{what}");
        found = page.sessions.into_iter().find(|scanned| scanned.key == *key);
        place = page.next;
        assert!(found.is_some() || place.is_some(), "{what}: no scan finds it");
    }
    let found = found.map(|scanned| Loaded::Live(scanned.version, scanned.entry));
    assert_eq!(found, Some(expected), "{what}, in a scan");
}

async fn everything_comes_back(store: &RedisStore) {
    let (moved_until, month) = (now() + Duration::from_secs(10), now() + LIFE * 2_000);
    for (row, entry) in entries() {
        let (first, second) = (|| nth(1, &entry), || nth(2, &entry));
        let one = put(store, &entry).await;
        assert_kept(&format!("{row}, created"), store, &one, first(), &entry).await;
        let replaced = store.replace(&one, first(), &entry, now()).await.unwrap();
        assert_eq!(replaced, Replaced::Yes(second()), "{row}");
        assert_kept(&format!("{row}, replaced"), store, &one, second(), &entry).await;
        // A head of the same length, a longer and a shorter one.
        let mut touched = entry.clone();
        for (what, at, deadline) in [
            ("touched", now(), Some(month)),
            ("touched by a wrong clock", LAST, Some(month)),
            ("touched until the end of time", now(), Some(LAST)),
            ("touched for ever", now(), None),
        ] {
            touched.touched = touched.touched.max(at);
            touched.deadline = touched.deadline.zip(deadline).map(|(one, other)| one.max(other));
            assert!(store.touch(&one, at, deadline, now()).await.unwrap(), "{row}, {what}");
            assert_kept(&format!("{row}, {what}"), store, &one, second(), &touched).await;
        }
        let two = key();
        let cycled = store.cycle(&one, second(), &two, &entry, moved_until, now()).await.unwrap();
        assert_eq!(cycled, Replaced::Yes(first()), "{row}");
        assert_eq!(store.load(&one, now()).await.unwrap(), Loaded::Moved, "{row}");
        assert_kept(&format!("{row}, moved"), store, &two, first(), &entry).await;
        assert!(store.end(&one, now()).await.unwrap(), "{row}");
        assert_eq!(store.load(&two, now()).await.unwrap(), Loaded::Absent, "{row}");
    }
}

#[tokio::test]
async fn values_are_returned_as_written_by_one_server() {
    let server = Redis::start();
    everything_comes_back(&RedisStore::connect(&server.url()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn values_are_returned_as_written_by_a_cluster() {
    let cluster = Cluster::start();
    everything_comes_back(&RedisStore::connect_cluster(&cluster.urls()).await.unwrap()).await;
}

/// A touch that changes the length of the head rewrites the value, but keeps its expiry.
#[tokio::test]
async fn a_touch_without_a_deadline_of_its_own_leaves_the_expiry() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let start = now();
    let session = put(&store, &Entry::new("text".into(), start, start, Some(start + LIFE))).await;
    let expires = || server.cli(&["PEXPIRETIME", &name(&session)]);
    let before = expires();
    for (row, touched) in [("as long", start + Duration::from_secs(1)), ("longer", LAST)] {
        assert!(store.touch(&session, touched, Some(start + LIFE), start).await.unwrap());
        assert_eq!(expires(), before, "{row}");
    }
}

/// Checks that fields of a newer release in a head are kept by everything but a move.
async fn newer_words_stay(server_of: impl Fn(&StoreKey) -> usize, servers: &[Redis], store: &RedisStore) {
    for owner in [None, Some("user".to_owned())] {
        let entry = Entry::new("te\nxt".into(), now(), now(), Some(now() + LIFE)).owner(owner);
        let (one, two) = (put(store, &entry).await, key());
        let server = servers.get(server_of(&one)).unwrap();
        let head = || server.cli(&["GET", &name(&one)]).lines().next().unwrap().to_owned();
        let newer = server.cli(&["GET", &name(&one)]).replacen('\n', " sub=%9 x\n", 1);
        assert_eq!(server.cli(&["SET", &name(&one), &newer]), "OK");
        let Loaded::Live(seen, there) = store.load(&one, now()).await.unwrap() else {
            panic!("the session is not live")
        };
        assert_eq!(there, entry);
        let longer = now() + LIFE + LIFE;
        assert!(store.touch(&one, now(), Some(longer), now()).await.unwrap());
        assert!(head().ends_with(" sub=%9 x"), "touched: {}", head());
        let Replaced::Yes(seen) = store.replace(&one, seen, &entry, now()).await.unwrap() else {
            panic!("the session is not live")
        };
        assert!(head().ends_with(" sub=%9 x"), "replaced by a script: {}", head());
        let Loaded::Live(image, _) = store.load(&one, now()).await.unwrap() else { panic!("the session is not live") };
        assert_eq!(image, seen);
        let Replaced::Yes(seen) = store.replace(&one, image, &entry, now()).await.unwrap() else {
            panic!("the session is not live")
        };
        assert!(head().ends_with(" sub=%9 x"), "replaced, where the server compares: {}", head());
        assert_eq!(store.load(&one, now()).await.unwrap(), Loaded::Live(seen.clone(), entry.clone()));
        let until = now() + Duration::from_secs(10);
        assert_eq!(store.cycle(&one, seen, &two, &entry, until, now()).await.unwrap(), Replaced::Yes(nth(1, &entry)));
        let moved = servers.get(server_of(&two)).unwrap().cli(&["GET", &name(&two)]);
        assert!(!moved.contains("sub"), "a session that moved starts without: {moved}");
        assert_ne!(server.cli(&["APPEND", &name(&one), " sub=9"]), "6");
        assert_eq!(store.load(&one, now()).await.unwrap(), Loaded::Moved);
        assert!(store.end(&one, now()).await.unwrap(), "the tombstone leads to the new key");
        assert_eq!(store.load(&two, now()).await.unwrap(), Loaded::Absent);
    }
}

#[tokio::test]
async fn fields_of_a_newer_release_stay_in_a_head() {
    for server in [Redis::start(), Redis::valkey(&[])] {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        newer_words_stay(|_| 0, std::slice::from_ref(&server), &store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fields_of_a_newer_release_stay_in_a_head_of_a_cluster() {
    let cluster = Cluster::start();
    let store = RedisStore::connect_cluster(&cluster.urls()).await.unwrap();
    newer_words_stay(|key| cluster.master_of(&name(key)), &cluster.servers, &store).await;
}
