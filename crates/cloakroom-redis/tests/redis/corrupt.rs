//! Damaged and foreign values under the keys of the store.

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Loaded, Store as _, StoreError, all_owned, end_all_before};

use crate::bench::{LIFE, entry, first, key, name, now, put};

fn corrupt<T: std::fmt::Debug>(row: &str, what: &str, key: &StoreKey, answer: Result<T, StoreError>) {
    let error = answer.expect_err(&format!("{row}: {what}"));
    assert!(error.is_corrupt(), "{row}: {what}: {error}");
    assert!(error.to_string().contains(&key.prefix()), "{row}: {what}: {error}");
}

#[tokio::test]
async fn a_damaged_value_is_an_error_that_names_its_key() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let (target, endless) = ("0a".repeat(16), "f".repeat(256));
    let (short, long) = (&target[1..], format!("{target}0"));
    let table = [
        ("nothing", ""),
        ("an unknown first byte", "2 1 NOW NOW END - - -\ntext"),
        ("only a first byte", "1"),
        ("no version", "1 - NOW NOW END - - -\ntext"),
        ("no creation time", "1 1 - NOW END - - -\ntext"),
        ("no touch", "1 1 NOW - END - - -\ntext"),
        ("no line feed", "1 1 NOW NOW END - - -"),
        ("a line that doesn't end", &format!("1 1 NOW NOW END {endless} - -\ntext")),
        ("a missing field", "1 1 NOW NOW END - -\ntext"),
        ("a trailing space", "1 1 NOW NOW END - - - \ntext"),
        ("two spaces before a newer field", "1 1 NOW NOW END - - -  x\ntext"),
        ("an owner's length with a suffix", "1 1 NOW NOW END - - -x\ntext"),
        ("an empty field", "1 1 NOW NOW END  - -\ntext"),
        ("a version that is not a number", "1 one NOW NOW END - - -\ntext"),
        ("a deadline that is not a number", "1 1 NOW NOW soon - - -\ntext"),
        ("a huge version", "1 18446744073709551616 NOW NOW END - - -\ntext"),
        ("a huge deadline", "1 1 NOW NOW 99999999999999999999999 - - -\ntext"),
        ("a creation time that is not a number", "1 1 yesterday NOW END - - -\ntext"),
        ("a negative touch", "1 1 NOW -1 END - - -\ntext"),
        ("a negative deadline", "1 1 NOW NOW -170000000000 - - -\ntext"),
        ("a version before the first", "1 0 NOW NOW END - - -\ntext"),
        ("a version with a leading zero", "1 01 NOW NOW END - - -\ntext"),
        ("a touch with a leading zero", "1 1 NOW 0NOW END - - -\ntext"),
        ("a creation time of 13 digits with a leading zero", "1 1 0700000000000 NOW END - - -\ntext"),
        ("an owner's length that is not a number", "1 1 NOW NOW END - - user\nuser"),
        ("an owner longer than the rest", "1 1 NOW NOW END - - 5\nuser"),
        ("an owner of maximum length", "1 1 NOW NOW END - - 18446744073709551615\nuser"),
        ("a tombstone without expiry", &format!("> - - {target}")),
        ("a tombstone with a huge expiry", &format!("> 18446744073709551616 - {target}")),
        ("a tombstone without a target", "> END -"),
        ("a tombstone with a short target", &format!("> END - {short}")),
        ("a tombstone with a long target", &format!("> END - {long}")),
        ("a tombstone with a trailing space", &format!("> END - {target} ")),
    ];
    for (row, value) in table {
        let key = put(&store, &entry("text")).await;
        let _ = server.cli(&["SET", &name(&key), &timed(value)]);
        corrupt(row, "load", &key, store.load(&key, now()).await);
        is_left_alone(row, &server, &store, &key).await;
    }
    // Invalid UTF-8, which a script accepts.
    for (row, head, rest) in [
        ("a record that is not UTF-8", "1 1 NOW NOW END - - -", r"\255\254"),
        ("an owner that is not UTF-8", "1 1 NOW NOW END - - 2", r"\255\254"),
        ("an owner that ends within a character", "1 1 NOW NOW END - - 1", "é"),
    ] {
        let key = put(&store, &entry("text")).await;
        // Contains bytes that a command line can't pass.
        let script = format!("redis.call('SET', KEYS[1], ARGV[1] .. '\\n{rest}')");
        let _ = server.cli(&["EVAL", &script, "1", &name(&key), &timed(head)]);
        corrupt(row, "load", &key, store.load(&key, now()).await);
    }
}

/// Fills in the times of a live session.
fn timed(value: &str) -> String {
    let (now, end) = (now(), now() + LIFE);
    value.replace("NOW", &now.unix_millis().to_string()).replace("END", &end.unix_millis().to_string())
}

/// Checks that no call changes a damaged or foreign value, which is kept for an operator to
/// inspect.
async fn is_left_alone(row: &str, server: &Redis, store: &RedisStore, key: &StoreKey) {
    let new = crate::bench::key();
    let before = server.cli(&["DUMP", &name(key)]);
    corrupt(row, "create", key, store.create(key, &entry("text"), now()).await);
    corrupt(row, "replace", key, store.replace(key, first("text"), &entry("text"), now()).await);
    corrupt(row, "touch", key, store.touch(key, now(), Some(now() + LIFE), now()).await);
    corrupt(row, "cycle", key, store.cycle(key, first("text"), &new, &entry("text"), now() + LIFE, now()).await);
    corrupt(row, "end", key, store.end(key, now()).await);
    assert_eq!(server.cli(&["DUMP", &name(key)]), before, "{row}");
    assert_eq!(server.cli(&["EXISTS", &name(&new)]), "0", "{row}");
    // It doesn't keep other sessions alive either.
    end_all_before(store, now(), now()).await.unwrap();
    assert_eq!(server.cli(&["DUMP", &name(key)]), before, "{row}");
}

#[tokio::test]
async fn values_of_another_type_are_not_changed() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    for (row, value) in [
        ("a foreign string", &["SET", "KEY", "value"][..]),
        ("a number", &["SET", "KEY", "1"]),
        ("a list", &["RPUSH", "KEY", "value"]),
        ("a hash", &["HSET", "KEY", "name", "value"]),
    ] {
        let key = key();
        let name = name(&key);
        let value: Vec<&str> = value.iter().map(|word| if *word == "KEY" { name.as_str() } else { word }).collect();
        let _ = server.cli(&value);
        corrupt(row, "load", &key, store.load(&key, now()).await);
        is_left_alone(row, &server, &store, &key).await;
    }
}

/// Versions have 63 bits. A larger one was never written by a store, and has no successor.
#[tokio::test]
async fn an_impossible_version_is_not_overwritten() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let key = put(&store, &entry("text")).await;
    let value = timed(&format!("1 {} NOW NOW END - - -\ntext", u64::MAX));
    let _ = server.cli(&["SET", &name(&key), &value]);
    assert!(matches!(store.load(&key, now()).await.unwrap(), Loaded::Live(version, _) if version.number() == u64::MAX));
    corrupt("u64::MAX", "replace", &key, store.replace(&key, Version::new(u64::MAX), &entry("other"), now()).await);
    assert_eq!(server.cli(&["GET", &name(&key)]), value);
}

/// A foreign value instead of an index: its owner can't sign in, but can sign out.
#[tokio::test]
async fn a_damaged_index_prevents_no_sign_out() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let (session, fresh) = (put(&store, &owned).await, key());
    let _ = server.cli(&["SET", "cloakroom:o:user", "a string"]);
    all_owned(&store, "user", now()).await.unwrap_err();
    store.create(&fresh, &owned, now()).await.unwrap_err();
    assert_eq!(server.cli(&["EXISTS", &name(&fresh)]), "0", "an unlisted session was created");
    assert!(store.end(&session, now()).await.unwrap());
    assert_eq!(server.cli(&["GET", "cloakroom:o:user"]), "a string");
}

#[tokio::test]
async fn a_damaged_session_in_a_list_is_named() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let key = put(&store, &owned).await;
    for (row, value) in [("a string", &["SET"][..]), ("a list", &["RPUSH"])] {
        let _ = server.cli(&["DEL", &name(&key)]);
        let _ = server.cli(&[value, &[&name(&key), "value"]].concat());
        corrupt(row, "owned", &key, all_owned(&store, "user", now()).await);
    }
}
