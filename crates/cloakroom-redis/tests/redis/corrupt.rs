//! What isn't ours, or was damaged, under our keys.

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_session::{StoreKey, Version};
use cloakroom_store::{Store as _, StoreError};

use crate::bench::{LIFE, entry, key, name, now, put};

fn corrupt<T: std::fmt::Debug>(row: &str, what: &str, key: &StoreKey, answer: Result<T, StoreError>) {
    let error = answer.expect_err(&format!("{row}: {what}"));
    assert!(error.is_corrupt(), "{row}: {what}: {error}");
    assert!(error.to_string().contains(&key.prefix()), "{row}: {what}: {error}");
}

#[tokio::test]
async fn a_damaged_hash_is_an_error_that_names_its_key() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let table: [(&str, &[&str]); 13] = [
        ("no version", &["HDEL", "KEY", "v"]),
        ("no record", &["HDEL", "KEY", "d"]),
        ("no creation", &["HDEL", "KEY", "c"]),
        ("no touch", &["HDEL", "KEY", "t"]),
        ("a version that is no number", &["HSET", "KEY", "v", "one"]),
        ("a deadline that is no number", &["HSET", "KEY", "e", "soon"]),
        ("a huge version", &["HSET", "KEY", "v", "18446744073709551616"]),
        ("a huge deadline", &["HSET", "KEY", "e", "99999999999999999999999"]),
        ("a creation in letters", &["HSET", "KEY", "c", "yesterday"]),
        ("a negative touch", &["HSET", "KEY", "t", "-1"]),
        ("a record that is no text", &["HSET", "KEY", "d", "\u{fffd}"]),
        ("an owner that is no text", &["HSET", "KEY", "o", "\u{fffd}"]),
        (
            "a mark without an end",
            &["EVAL", "redis.call('HSET', KEYS[1], 'm', 'x') redis.call('HDEL', KEYS[1], 'e')", "1", "KEY"],
        ),
    ];
    for (row, damage) in table {
        let key = put(&store, &entry("text")).await;
        let name = name(&key);
        if row.ends_with("no text") {
            // Bytes that a command line can't hold.
            let field = damage[2];
            let script = format!("redis.call('HSET', KEYS[1], '{field}', '\\255\\254')");
            let _ = server.cli(&["EVAL", &script, "1", &name]);
        } else {
            let damage: Vec<&str> =
                damage.iter().map(|word| if *word == "KEY" { name.as_str() } else { word }).collect();
            let _ = server.cli(&damage);
        }
        corrupt(row, "load", &key, store.load(&key, now()).await);
        // A script doesn't know what is text.
        if !row.ends_with("no text") {
            is_left_alone(row, &server, &store, &key).await;
        }
    }
}

/// Whatever a caller does, what isn't ours or was damaged stays as it is, for whoever looks into it.
async fn is_left_alone(row: &str, server: &Redis, store: &RedisStore, key: &StoreKey) {
    let (first, new) = (Version::new(1), crate::bench::key());
    let before = server.cli(&["DUMP", &name(key)]);
    corrupt(row, "create", key, store.create(key, &entry("text"), now()).await);
    corrupt(row, "replace", key, store.replace(key, first, &entry("text"), now()).await);
    corrupt(row, "touch", key, store.touch(key, now(), Some(now() + LIFE), now()).await);
    corrupt(row, "cycle", key, store.cycle(key, first, &new, &entry("text"), now() + LIFE, now()).await);
    corrupt(row, "end", key, store.end(key, now()).await);
    assert_eq!(server.cli(&["DUMP", &name(key)]), before, "{row}");
    assert_eq!(server.cli(&["EXISTS", &name(&new)]), "0", "{row}");
    // Nor does it keep everybody else's sessions alive.
    store.end_before(now(), now()).await.unwrap();
    assert_eq!(server.cli(&["DUMP", &name(key)]), before, "{row}");
}

#[tokio::test]
async fn another_kind_of_value_is_left_alone() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    for (row, value) in [
        ("a string", &["SET", "KEY", "value"][..]),
        ("a list", &["RPUSH", "KEY", "value"]),
        ("somebody else's hash", &["HSET", "KEY", "name", "value"]),
    ] {
        let key = key();
        let name = name(&key);
        let value: Vec<&str> = value.iter().map(|word| if *word == "KEY" { name.as_str() } else { word }).collect();
        let _ = server.cli(&value);
        corrupt(row, "load", &key, store.load(&key, now()).await);
        is_left_alone(row, &server, &store, &key).await;
    }
}

/// The highest number there is leaves none for the next version.
#[tokio::test]
async fn a_version_that_nobody_reaches_is_not_written_over() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let key = put(&store, &entry("text")).await;
    let _ = server.cli(&["HSET", &name(&key), "v", &u64::MAX.to_string()]);
    corrupt("u64::MAX", "replace", &key, store.replace(&key, Version::new(u64::MAX), &entry("other"), now()).await);
    assert_eq!(server.cli(&["HGET", &name(&key), "d"]), "text");
}

/// An index that is something else: nobody signs in there, and everybody can leave.
#[tokio::test]
async fn a_damaged_index_keeps_nobody_in() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let (session, fresh) = (put(&store, &owned).await, key());
    let _ = server.cli(&["SET", "cloakroom:o:user", "a string"]);
    store.owned("user", now()).await.unwrap_err();
    store.create(&fresh, &owned, now()).await.unwrap_err();
    assert_eq!(server.cli(&["EXISTS", &name(&fresh)]), "0", "a session that isn't listed");
    assert!(store.end(&session, now()).await.unwrap());
    assert_eq!(server.cli(&["GET", "cloakroom:o:user"]), "a string");
}

#[tokio::test]
async fn a_damaged_session_in_a_list_is_named() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let key = put(&store, &owned).await;
    let _ = server.cli(&["HDEL", &name(&key), "d"]);
    corrupt("no record", "owned", &key, store.owned("user", now()).await);
    let _ = server.cli(&["SET", &name(&key), "a string"]);
    corrupt("a string", "owned", &key, store.owned("user", now()).await);
}
