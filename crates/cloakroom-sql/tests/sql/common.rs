//! Shared code of the tests of all databases.

use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{
    Created, Entry, Loaded, Replaced, Store, all_owned,
    conformance::{Capabilities, assert_conforms, nth},
    end_all_before,
};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const LATER: Timestamp = Timestamp::from_unix_secs(1_700_001_000);
pub(crate) const PAST: Timestamp = Timestamp::from_unix_secs(1_699_999_999);

pub(crate) fn key(number: u64) -> StoreKey {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

pub(crate) fn entry(text: &str) -> Entry {
    Entry::new(text.into(), NOW, NOW, Some(LATER)).owner(Some("ann".to_owned()))
}

/// Returns the version of an entry with this text, as the first write under its key.
pub(crate) fn first(text: &str) -> Version {
    nth(1, &entry(text))
}

/// Runs one operation of each kind without contention. Returns the number of round trips of each,
/// as reported by `count`.
pub(crate) async fn trips(store: &impl Store, count: impl Fn() -> usize) -> Vec<(&'static str, usize)> {
    let mut counted = Vec::new();
    // Twice: the first round prepares the statements.
    for round in [1_000, 2_000] {
        counted.clear();
        let (a, b) = (key(round), key(round + 1));
        let mut before = count();
        let mut note = |what| {
            let now = count();
            counted.push((what, now - before));
            before = now;
        };
        assert_eq!(store.create(&a, &entry("1"), NOW).await.unwrap(), Created::Yes(first("1")));
        note("create");
        assert!(matches!(store.load(&a, NOW).await.unwrap(), Loaded::Live(..)));
        note("load");
        assert_eq!(store.load(&b, NOW).await.unwrap(), Loaded::Absent);
        note("load, absent");
        let two = Replaced::Yes(nth(2, &entry("2")));
        assert_eq!(store.replace(&a, first("1"), &entry("2"), NOW).await.unwrap(), two);
        note("replace");
        assert_eq!(store.replace(&a, first("1"), &entry("3"), NOW).await.unwrap(), Replaced::Conflict);
        note("replace, conflict");
        assert_eq!(store.replace(&b, first("1"), &entry("3"), NOW).await.unwrap(), Replaced::Gone);
        note("replace, gone");
        assert!(store.touch(&a, LATER, Some(LATER), NOW).await.unwrap());
        note("touch");
        let one = Replaced::Yes(first("4"));
        assert_eq!(store.cycle(&a, nth(2, &entry("2")), &b, &entry("4"), LATER, NOW).await.unwrap(), one);
        note("cycle");
        assert_eq!(all_owned(store, "ann", NOW).await.unwrap().len(), 1);
        note("owned");
        assert!(store.end(&b, NOW).await.unwrap());
        note("end");
        assert!(!store.end(&a, NOW).await.unwrap());
        note("end, moved and ended");
        store.sweep(NOW, 10).await.unwrap();
        note("sweep");
        end_all_before(store, PAST, NOW).await.unwrap();
        note("end_before");
    }
    counted
}

/// An expired session or tombstone makes room for a new session, and for one that moves to its key.
pub(crate) async fn over_makes_room(store: &impl Store) {
    let over = Entry::new("over".into(), NOW, NOW, Some(PAST));
    store.create(&key(1), &entry("old"), NOW).await.unwrap();
    store.create(&key(2), &over, NOW).await.unwrap();
    store.create(&key(3), &over, NOW).await.unwrap();
    assert_eq!(store.create(&key(3), &over, NOW).await.unwrap(), Created::Yes(first("over")));
    assert_eq!(store.create(&key(3), &entry("new"), NOW).await.unwrap(), Created::Yes(first("new")));
    let moved = store.cycle(&key(1), first("old"), &key(2), &entry("moved"), PAST, NOW).await;
    assert_eq!(moved.unwrap(), Replaced::Yes(first("moved")));
    assert_eq!(store.load(&key(2), NOW).await.unwrap(), Loaded::Live(first("moved"), entry("moved")));
    // The tombstone under the old key has already expired.
    let back = store.cycle(&key(2), first("moved"), &key(1), &entry("back"), LATER, NOW).await;
    assert_eq!(back.unwrap(), Replaced::Yes(first("back")));
    assert_eq!(store.load(&key(1), NOW).await.unwrap(), Loaded::Live(first("back"), entry("back")));
    assert_eq!(store.load(&key(2), NOW).await.unwrap(), Loaded::Moved);
    for taken in [2, 3] {
        let before = (store.load(&key(1), NOW).await.unwrap(), store.load(&key(taken), NOW).await.unwrap());
        let error = store.cycle(&key(1), first("back"), &key(taken), &entry("x"), LATER, NOW).await.unwrap_err();
        assert!(error.to_string().contains("is taken"), "{error}");
        let after = (store.load(&key(1), NOW).await.unwrap(), store.load(&key(taken), NOW).await.unwrap());
        assert_eq!(after, before, "onto {taken}");
    }
    assert!(store.end(&key(2), NOW).await.unwrap() && store.end(&key(3), NOW).await.unwrap());
    store.sweep(Timestamp::from_unix_secs(1_700_100_000), 100).await.unwrap();
}

/// Two clients that each increment a number in a record lose no update.
pub(crate) async fn race<S: Store>(stores: Vec<S>, rounds: u64) {
    let shared = key(77);
    stores[0].create(&shared, &entry("0"), NOW).await.unwrap();
    let clients = stores.len() as u64;
    let counting = stores.into_iter().map(|store| {
        tokio::spawn(async move {
            let mut done = 0;
            while done < rounds {
                let Loaded::Live(seen, there) = store.load(&shared, NOW).await.unwrap() else { panic!("lost") };
                let next = there.text().parse::<u64>().unwrap() + 1;
                match store.replace(&shared, seen, &entry(&next.to_string()), NOW).await.unwrap() {
                    Replaced::Yes(_) => done += 1,
                    Replaced::Conflict => {}
                    Replaced::Gone => panic!("gone"),
                }
            }
            store
        })
    });
    let counting: Vec<_> = counting.collect();
    let mut last = None;
    for client in counting {
        last = Some(client.await.unwrap());
    }
    let Loaded::Live(version, there) = last.unwrap().load(&shared, NOW).await.unwrap() else { panic!("lost") };
    assert_eq!(there.text().parse::<u64>().unwrap(), clients * rounds);
    assert_eq!(version, nth(1 + clients * rounds, &there));
}

/// Ends a session while it moves, many times: nothing of it remains.
pub(crate) async fn chase<S: Store + Clone>(store: S, rounds: u64) {
    for round in 0..rounds {
        let (a, b) = (key(500_000 + 2 * round), key(500_001 + 2 * round));
        store.create(&a, &entry("1"), NOW).await.unwrap();
        let (mover, ender) = (store.clone(), store.clone());
        let moving =
            tokio::spawn(async move { mover.cycle(&a, first("1"), &b, &entry("2"), LATER, NOW).await.unwrap() });
        let ending = tokio::spawn(async move { ender.end(&a, NOW).await.unwrap() });
        moving.await.unwrap();
        assert!(ending.await.unwrap(), "round {round}: it was there all the time");
        assert!(!matches!(store.load(&a, NOW).await.unwrap(), Loaded::Live(..)), "round {round}");
        assert_eq!(store.load(&b, NOW).await.unwrap(), Loaded::Absent, "round {round}");
    }
}

/// A future release has added columns. Everything works as before: a replacement and a touch leave
/// their values, and a session that moves starts with the defaults. `query` returns the first
/// column of the first row, `literal` spells a key in the database's syntax.
pub(crate) async fn newer_columns_are_left_alone<S: Store + Clone>(
    store: &S,
    literal: fn(&StoreKey) -> String,
    mut query: impl AsyncFnMut(String) -> Option<String>,
) {
    let _ = query("ALTER TABLE cloakroom_sessions ADD COLUMN alias VARCHAR(20)".to_owned()).await;
    let _ = query("ALTER TABLE cloakroom_sessions ADD COLUMN kind INTEGER NOT NULL DEFAULT 7".to_owned()).await;
    let (one, two) = (key(91), key(92));
    store.create(&one, &entry("1"), NOW).await.unwrap();
    let only = |key: &StoreKey| format!("WHERE store_key = {}", literal(key));
    let alias = |key: &StoreKey| format!("SELECT alias FROM cloakroom_sessions {}", only(key));
    assert_eq!(query(alias(&one)).await, None);
    let _ = query(format!("UPDATE cloakroom_sessions SET alias = 'oidc' {}", only(&one))).await;
    let Replaced::Yes(seen) = store.replace(&one, first("1"), &entry("2"), NOW).await.unwrap() else { panic!() };
    assert!(store.touch(&one, LATER, Some(LATER), NOW).await.unwrap());
    assert_eq!(query(alias(&one)).await.as_deref(), Some("oidc"), "kept by a replacement and a touch");
    assert!(matches!(store.cycle(&one, seen, &two, &entry("3"), LATER, NOW).await.unwrap(), Replaced::Yes(_)));
    assert_eq!(store.load(&two, NOW).await.unwrap(), Loaded::Live(first("3"), entry("3")));
    assert_eq!(query(alias(&two)).await, None, "a session that moved begins without");
    assert!(store.end(&one, NOW).await.unwrap());
    assert_conforms(Arc::new(store.clone()), Capabilities::all().rounds(3)).await;
}
