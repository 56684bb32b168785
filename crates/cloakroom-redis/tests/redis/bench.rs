//! Shared test code: creating sessions, and writers that count acknowledged writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom_redis::RedisStore;
pub(crate) use cloakroom_servers::Monitor;
use cloakroom_servers::redis::{Redis, quoted};
use cloakroom_session::factory::{StoreKey, Version, fresh_id};
use cloakroom_session::{Clock as _, SystemClock, Timestamp};
use cloakroom_store::store::{
    Created, Entry, Loaded, Replaced, Store as _, all_owned, conformance::nth, end_all_before,
};
use tokio::task::JoinHandle;

pub(crate) const LIFE: Duration = Duration::from_secs(20 * 60);

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn key() -> StoreKey {
    fresh_id().unwrap().store_key()
}

/// Returns the index member of a session, as passed to `cli`.
pub(crate) fn member(key: &StoreKey) -> String {
    quoted(key.as_bytes())
}

/// Returns the index member of a session, as printed by `cli`.
pub(crate) fn shown(key: &StoreKey) -> String {
    String::from_utf8_lossy(key.as_bytes()).replace('\r', "").trim_end().to_owned()
}

/// Returns the key name of a session, as passed to `cli`.
pub(crate) fn name(key: &StoreKey) -> String {
    name_under("cloakroom:", key)
}

pub(crate) fn name_under(prefix: &str, key: &StoreKey) -> String {
    quoted(&[prefix.as_bytes(), b"s", key.as_bytes()].concat())
}

pub(crate) fn entry(text: &str) -> Entry {
    let now = now();
    Entry::new(text.into(), now, now, Some(now + LIFE))
}

/// Returns the version of this text as the first write under its key.
pub(crate) fn first(text: &str) -> Version {
    nth(1, &entry(text))
}

pub(crate) async fn put(store: &RedisStore, entry: &Entry) -> StoreKey {
    let key = key();
    assert_eq!(store.create(&key, entry, now()).await.unwrap(), Created::Yes(nth(1, entry)));
    key
}

/// The record of one writer: the last acknowledged version of its session, and the longest time
/// without an acknowledgement.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) key: StoreKey,
    pub(crate) acknowledged: u64,
    pub(crate) errors: usize,
    pub(crate) longest_gap: Duration,
}

/// Returns the version of a session that [`write_until`] has written this often.
fn written(writes: u64) -> Version {
    nth(writes, &entry(&writes.to_string()))
}

/// Writes one session repeatedly until `end`. Its text is the number of writes.
pub(crate) async fn write_until(store: Arc<RedisStore>, end: Instant) -> Written {
    let key = key();
    let mut written = Written { key, acknowledged: 1, errors: 0, longest_gap: Duration::ZERO };
    while let Err(error) = store.create(&key, &entry("1"), now()).await {
        // A write that a replica didn't confirm in time exists nevertheless, so the next attempt
        // gets `Taken`.
        assert!(clock() < end, "{error}");
        written.errors += 1;
    }
    let mut last = clock();
    while clock() < end {
        let next = (written.acknowledged + 1).to_string();
        match store.replace(&key, self::written(written.acknowledged), &entry(&next), now()).await {
            Ok(Replaced::Yes(version)) => {
                assert_eq!(version, self::written(written.acknowledged + 1));
                written.acknowledged += 1;
                written.longest_gap = written.longest_gap.max(last.elapsed());
                last = clock();
            }
            Ok(Replaced::Conflict) => {
                // Only a write that returned an error may have been executed without an
                // acknowledgement, and only once.
                assert!(written.errors > 0);
                written.acknowledged = newest(&store, &key, written.acknowledged).await;
            }
            Ok(Replaced::Gone) => panic!("a session was lost: {written:?}"),
            Err(error) => {
                assert!(!error.is_corrupt() && !error.is_unsupported(), "{error}");
                written.errors += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    written
}

async fn newest(store: &RedisStore, key: &StoreKey, acknowledged: u64) -> u64 {
    match store.load(key, now()).await {
        Ok(Loaded::Live(version, entry)) => {
            let writes = entry.text().parse().unwrap();
            assert_eq!(version, written(writes), "no write is half done");
            assert!(writes > acknowledged, "{writes} is older than {acknowledged}");
            writes
        }
        Ok(other) => panic!("{other:?}"),
        Err(_) => acknowledged,
    }
}

/// Checks that every acknowledged write is stored, and at most one further write.
pub(crate) async fn nothing_is_lost(store: &RedisStore, all: &[Written]) {
    for written in all {
        // Its server may still be restarting.
        time_until_it_answers(store, &written.key).await;
        match store.load(&written.key, now()).await.unwrap() {
            Loaded::Live(version, entry) => {
                let writes = entry.text().parse().unwrap();
                assert_eq!(version, self::written(writes), "no write is half done");
                assert!((written.acknowledged..=written.acknowledged + 1).contains(&writes), "{writes}: {written:?}");
            }
            other @ (Loaded::Moved | Loaded::Absent) => panic!("{other:?}: {written:?}"),
        }
    }
}

/// Waits for the writers, and returns their records.
pub(crate) async fn finished(writers: Vec<JoinHandle<Written>>) -> Vec<Written> {
    let mut all = Vec::new();
    for writer in writers {
        all.push(writer.await.unwrap());
    }
    all
}

pub(crate) fn summary(all: &[Written]) -> String {
    let writes: u64 = all.iter().map(|written| written.acknowledged).sum();
    let errors: usize = all.iter().map(|written| written.errors).sum();
    format!("{writes} writes acknowledged, none lost, {errors} errors")
}

/// Returns the URL with a long timeout, for tests of correctness rather than speed.
pub(crate) fn patient(url: &str) -> String {
    format!("{url}?timeout=30000")
}

/// Flushes the scripts of the servers, and checks that the store sends them again without an error.
pub(crate) async fn scripts_are_sent_again(store: &RedisStore, servers: &[Redis]) {
    let (owner, until) = ("user".to_owned(), now() + Duration::from_secs(10));
    let owned = entry("text").owner(Some(owner.clone()));
    let forget = || servers.iter().for_each(|server| assert_eq!(server.cli(&["SCRIPT", "FLUSH"]), "OK"));
    forget();
    let (one, two) = (put(store, &owned).await, key());
    forget();
    assert_eq!(store.replace(&one, first("text"), &owned, now()).await.unwrap(), Replaced::Yes(nth(2, &owned)));
    forget();
    assert!(store.touch(&one, now(), Some(now() + LIFE + LIFE), now()).await.unwrap());
    forget();
    let cycled = store.cycle(&one, nth(2, &owned), &two, &owned, until, now()).await.unwrap();
    assert_eq!(cycled, Replaced::Yes(nth(1, &owned)));
    forget();
    assert_eq!(all_owned(store, &owner, now()).await.unwrap().len(), 1);
    forget();
    assert!(store.end(&two, now()).await.unwrap());
    forget();
    end_all_before(store, Timestamp::from_unix_secs(1), now()).await.unwrap();
}

/// Checks that a move onto another session or onto a tombstone is an error that changes nothing.
pub(crate) async fn a_taken_key_is_an_error(store: &RedisStore) {
    let (owned, until) = (entry("mine").owner(Some("user".to_owned())), now() + Duration::from_secs(10));
    let others = entry("other's").owner(Some("other".to_owned()));
    let (mine, live, marked, new) =
        (put(store, &owned).await, put(store, &others).await, put(store, &others).await, key());
    assert_eq!(
        store.cycle(&marked, nth(1, &others), &new, &others, until, now()).await.unwrap(),
        Replaced::Yes(nth(1, &others))
    );
    for (what, taken) in [("a session", live), ("a tombstone", marked)] {
        let before = store.load(&taken, now()).await.unwrap();
        let error = store.cycle(&mine, nth(1, &owned), &taken, &owned, until, now()).await.unwrap_err();
        assert!(error.to_string().contains("taken"), "{what}: {error}");
        assert_eq!(store.load(&taken, now()).await.unwrap(), before, "{what}");
        assert_eq!(store.load(&mine, now()).await.unwrap(), Loaded::Live(nth(1, &owned), owned.clone()), "{what}");
    }
    for (owner, expected) in [("user", vec![mine]), ("other", vec![live, new])] {
        let mut keys: Vec<_> = all_owned(store, owner, now()).await.unwrap().iter().map(|owned| owned.key).collect();
        let mut expected = expected;
        keys.sort();
        expected.sort();
        assert_eq!(keys, expected, "{owner}'s");
    }
}

/// Returns the total time for which calls about this key fail.
pub(crate) async fn time_until_it_answers(store: &RedisStore, key: &StoreKey) -> Duration {
    let start = clock();
    while store.load(key, now()).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "the server did not recover");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "measures how long something takes")]
pub(crate) fn clock() -> Instant {
    Instant::now()
}
