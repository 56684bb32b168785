//! Moves, walks and wrong names.

use std::future::Future;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{SessionId, StoreKey};

use super::*;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::memory::MemoryStore;
use crate::scan::Cursor;
use crate::store::{Created, Replaced, delegate_store};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

fn sharded(names: &str) -> Result<ShardedStore<MemoryStore>, ConfigError> {
    ShardedStore::new(names.split_whitespace().map(|name| (name, MemoryStore::new())))
}

fn key(number: u32) -> StoreKey {
    SessionId::from_random([7; 32]).derived(number).store_key()
}

fn owned(number: u32) -> Entry {
    // Some are of the same age.
    let created = Timestamp::from_unix_secs(1_600_000_000 + u64::from(number / 3));
    Entry::new("text".into(), created, NOW, None).owner(Some("ann".to_owned()))
}

#[test]
fn names_are_checked() {
    let why = |names| sharded(names).unwrap_err().to_string();
    assert!(why("").contains("1 to 256 shards; 0 were given"), "{}", why(""));
    assert!(why("a b a").contains("two shards have the name `a`"), "{}", why("a b a"));
    assert!(why(&"x ".repeat(257)).contains("257 were given"));
    let unnamed = ShardedStore::new([("", MemoryStore::new())]).unwrap_err().to_string();
    assert!(unnamed.contains("the name of a shard is empty"), "{unnamed}");
}

#[tokio::test]
async fn the_order_of_the_shards_has_no_effect() {
    let (one, other) = (sharded("a b c d").unwrap(), sharded("d b a c").unwrap());
    for number in 0..200 {
        let name = |store: &ShardedStore<_>| store.shard(&key(number)).unwrap().0.to_owned();
        assert_eq!(name(&one), name(&other));
    }
}

#[tokio::test]
async fn a_session_moves_within_its_shard_and_nowhere_else() {
    let store = sharded("a b c d").unwrap();
    let (mut within, mut across) = (0, 0);
    for number in 0..100 {
        let (old, new, entry) = (key(number), key(1000 + number), owned(number));
        let Created::Yes(seen) = store.create(&old, &entry, NOW).await.unwrap() else { panic!("taken") };
        let moved = store.cycle(&old, seen, &new, &entry, NOW, NOW).await;
        let together = store.shard(&old).unwrap().0 == store.shard(&new).unwrap().0;
        assert_eq!(store.can_cycle(&old, &new), together);
        if together {
            assert!(matches!(moved, Ok(Replaced::Yes(_))));
            within += 1;
        } else {
            assert!(moved.unwrap_err().is_unsupported());
            across += 1;
        }
    }
    assert!(within > 0 && across > 0);
}

#[tokio::test]
async fn an_owners_sessions_are_one_list_in_pages_of_any_size() {
    for names in ["a", "a b", "a b c d e f g"] {
        let store = sharded(names).unwrap();
        let mut expected = Vec::new();
        for number in 0..60 {
            store.create(&key(number), &owned(number), NOW).await.unwrap();
            expected.push((owned(number).created, key(number)));
        }
        expected.sort_unstable();
        let ages: Vec<_> = expected.iter().map(|(created, _)| *created).collect();
        for limit in [1, 2, 7, 59, 60, 61, usize::MAX] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = store.owned("ann", after.as_ref(), limit, NOW).await.unwrap();
                assert!(page.sessions.len() <= limit);
                found.extend(page.sessions.into_iter().map(|own| (own.entry.created, own.key)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let found_ages: Vec<_> = found.iter().map(|(created, _)| *created).collect();
            assert_eq!(found_ages, ages, "{names}, pages of {limit}");
            found.sort_unstable();
            assert_eq!(found, expected, "{names}, pages of {limit}");
        }
        assert_eq!(store.count_owned("ann", 1000, NOW).await.unwrap(), 60);
        assert_eq!(store.count_owned("ann", 7, NOW).await.unwrap(), 7);
    }
}

/// Between two pages, sessions end and others begin. The rest are in one page each.
#[tokio::test]
async fn a_walk_misses_no_session_while_others_come_and_go() {
    let store = sharded("a b c").unwrap();
    for number in 0..60 {
        store.create(&key(number), &owned(number), NOW).await.unwrap();
    }
    let (mut found, mut after, mut step) = (Vec::new(), None, 0);
    loop {
        let page = store.owned("ann", after.as_ref(), 4, NOW).await.unwrap();
        found.extend(page.sessions.into_iter().map(|own| own.key));
        after = page.next;
        if after.is_none() {
            break;
        }
        store.end(&key(step * 5), NOW).await.unwrap();
        store.create(&key(100 + step), &owned(step), NOW).await.unwrap();
        step += 1;
    }
    let stayed = (0..60).filter(|number| number % 5 != 0).map(key);
    for key in stayed {
        assert_eq!(found.iter().filter(|one| **one == key).count(), 1);
    }
}

#[tokio::test]
async fn a_foreign_cursor_is_an_error() {
    let store = sharded("a b").unwrap();
    let words = ["", "x", "0", "0.zz", "2.-", "-1.-", "0.x", "0.abc", "0.ff", "-", "-.-.-", "0.-.x", "-.zz", "é.-"];
    for word in words.map(Cursor::new) {
        assert!(store.scan(Some(&word), 5, NOW).await.is_err(), "{word}");
        assert!(store.end_before(NOW, Some(&word), NOW).await.is_err(), "{word}");
        assert!(store.owned("ann", Some(&word), 5, NOW).await.is_err(), "{word}");
    }
    let other = sharded("a b c").unwrap();
    for number in 0..9 {
        other.create(&key(number), &owned(number), NOW).await.unwrap();
    }
    let next = other.owned("ann", None, 2, NOW).await.unwrap().next;
    assert!(store.owned("ann", next.as_ref(), 2, NOW).await.is_err());
}

/// A store that may be down.
#[derive(Debug)]
struct Flaky(MemoryStore, bool);

impl Flaky {
    async fn unless_down<T>(
        &self,
        _: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if self.1 { Err(StoreError::unavailable("down")) } else { call.await }
    }
}

impl Store for Flaky {
    delegate_store!(0 via unless_down);
}

#[tokio::test]
async fn only_the_sessions_of_a_shard_that_is_down_fail() {
    let shards = [("up", false), ("down", true), ("also up", false)];
    let store = ShardedStore::new(shards.map(|(name, is_down)| (name, Flaky(MemoryStore::new(), is_down)))).unwrap();
    let mut failed = 0;
    for number in 0..60 {
        let created = store.create(&key(number), &owned(number), NOW).await;
        assert_eq!(created.is_err(), store.shard(&key(number)).unwrap().0 == "down");
        failed += usize::from(created.is_err());
    }
    assert!((1..60).contains(&failed), "{failed}");
    // An incomplete answer must not look complete.
    assert!(store.owned("ann", None, 100, NOW).await.is_err());
    assert!(store.count_owned("ann", 100, NOW).await.is_err());
    assert!(store.end_owned("ann", None, 100, NOW).await.is_err());
    assert!(all(&store).await.is_err());
}

/// Walks through all sessions.
async fn all(store: &ShardedStore<Flaky>) -> Result<usize, StoreError> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = store.scan(after.as_ref(), 10, NOW).await?;
        count += page.sessions.len();
        after = page.next;
        if after.is_none() {
            return Ok(count);
        }
    }
}

#[tokio::test]
async fn every_shard_is_swept() {
    let store = sharded("a b c").unwrap();
    for number in 0..60 {
        let mut entry = owned(number);
        entry.deadline = Some(Timestamp::from_unix_secs(1_650_000_000));
        store.create(&key(number), &entry, entry.created).await.unwrap();
    }
    let mut deleted = Vec::new();
    while deleted.iter().sum::<usize>() < 60 && deleted.len() < 100 {
        deleted.push(store.sweep(NOW, 7).await.unwrap());
    }
    assert_eq!(deleted.iter().sum::<usize>(), 60, "{deleted:?}");
    assert!(deleted.iter().all(|step| *step <= 7), "{deleted:?}");
}

#[tokio::test]
async fn a_report_names_the_shards() {
    let report = sharded("first second").unwrap().checkup().await.unwrap();
    let texts: Vec<_> = report.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(report.server, "2 shards");
    assert!(!texts.is_empty() && texts.iter().all(|text| text.starts_with("first (") || text.starts_with("second (")));
}
