//! What is written comes back, whichever way a script writes it.

use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::{Cluster, Redis};
use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Entry, Loaded, Replaced, Store as _};

use crate::bench::{LIFE, key, name, now, put};

const FIRST: Version = Version::new(1);
const SECOND: Version = Version::new(2);
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
        ("an owner without a name", of("text", Some(""))),
        ("an owner without a name, and no text", of("", Some(""))),
        ("an owner with signs", of("-", Some("a - \n 1 \0 %d %1 é日"))),
        ("an owner that is a dash", of("text", Some("-"))),
        ("an owner that ends behind what scripts read", of("text", Some(&long[..250]))),
        ("an owner that is longer", of("text", Some(&long))),
        ("for ever", Entry::new("text".into(), now, now, None).owner(Some("user".to_owned()))),
        ("the smallest numbers", Entry::new("text".into(), first, first, Some(now + LIFE))),
        ("the largest numbers", Entry::new("text".into(), LAST, LAST, Some(LAST)).owner(Some("user".to_owned()))),
    ]
}

async fn assert_kept(what: &str, store: &RedisStore, key: &StoreKey, version: Version, entry: &Entry) {
    let expected = Loaded::Live(version, entry.clone());
    assert_eq!(store.load(key, now()).await.unwrap(), expected, "{what}");
    if let Some(owner) = &entry.owner {
        let owned = store.owned(owner, now()).await.unwrap();
        let found = owned.into_iter().find(|owned| owned.key == *key).map(|owned| owned.entry);
        assert_eq!(found.as_ref(), Some(entry), "{what}, by its owner");
    }
    let (mut place, mut found) = (None, None);
    while found.is_none() {
        let page = store.scan(place.as_ref(), 100, now()).await.unwrap();
        assert_eq!(page.damaged, [], "{what}");
        found = page.sessions.into_iter().find(|scanned| scanned.key == *key);
        place = page.next;
        assert!(found.is_some() || place.is_some(), "{what}: no walk finds it");
    }
    let found = found.map(|scanned| Loaded::Live(scanned.version, scanned.entry));
    assert_eq!(found, Some(expected), "{what}, in a walk");
}

async fn everything_comes_back(store: &RedisStore) {
    let (moved_until, month) = (now() + Duration::from_secs(10), now() + LIFE * 2_000);
    for (row, entry) in entries() {
        let one = put(store, &entry).await;
        assert_kept(&format!("{row}, created"), store, &one, FIRST, &entry).await;
        let replaced = store.replace(&one, FIRST, &entry, now()).await.unwrap();
        assert_eq!(replaced, Replaced::Yes(SECOND), "{row}");
        assert_kept(&format!("{row}, replaced"), store, &one, SECOND, &entry).await;
        // As long as before, longer, and shorter.
        let mut touched = entry.clone();
        for (what, at, deadline) in [
            ("touched", now(), Some(month)),
            ("touched, and the clock is wrong", LAST, Some(month)),
            ("touched until the end of time", now(), Some(LAST)),
            ("touched for ever", now(), None),
        ] {
            touched.touched = touched.touched.max(at);
            touched.deadline = touched.deadline.zip(deadline).map(|(one, other)| one.max(other));
            assert!(store.touch(&one, at, deadline, now()).await.unwrap(), "{row}, {what}");
            assert_kept(&format!("{row}, {what}"), store, &one, SECOND, &touched).await;
        }
        let two = key();
        let cycled = store.cycle(&one, SECOND, &two, &entry, moved_until, now()).await.unwrap();
        assert_eq!(cycled, Replaced::Yes(FIRST), "{row}");
        assert_eq!(store.load(&one, now()).await.unwrap(), Loaded::Moved, "{row}");
        assert_kept(&format!("{row}, moved"), store, &two, FIRST, &entry).await;
        assert!(store.end(&one, now()).await.unwrap(), "{row}");
        assert_eq!(store.load(&two, now()).await.unwrap(), Loaded::Absent, "{row}");
    }
}

#[tokio::test]
async fn everything_comes_back_from_one_server() {
    let server = Redis::start();
    everything_comes_back(&RedisStore::connect(&server.url()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_comes_back_from_a_cluster() {
    let cluster = Cluster::start();
    everything_comes_back(&RedisStore::connect_cluster(&cluster.urls()).await.unwrap()).await;
}

/// A touch that changes how long the head is writes the value anew, and not its expiry.
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
