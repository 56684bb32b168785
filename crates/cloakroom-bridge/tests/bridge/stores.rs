//! Stores of other frameworks, on real servers: one table of steps for all of them.

use std::time::Duration;

use cloakroom_bridge::{
    DjangoRecord, ForeignStore, MysqlRecords, PostgresRecords, RedisRecords, SharedRecords, SqliteRecords, SwapOutcome,
};
use cloakroom_servers::redis::Redis;
use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_session::{Lifetimes, Timestamp};

use super::browser::{App, Browser};

const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_250);
const HOUR: Duration = Duration::from_secs(3600);

/// Checks the trait's requirements. `clock` is false if the server's own clock expires records.
async fn keeps_the_contract(name: &str, store: &impl ForeignStore, record: impl Fn(&str) -> Vec<u8>, clock: bool) {
    let (a, b, c) = (record("a"), record("b"), record("c"));
    let (end, later) = (Some(NOW + HOUR), NOW + Duration::from_secs(60));
    let load = async |id: &str, now| store.load(id, now).await.unwrap();

    // An absent record stays absent.
    assert_eq!(load("x", NOW).await, None, "{name}");
    assert_eq!(store.replace("x", &a, &b, end, NOW).await.unwrap(), SwapOutcome::Gone, "{name}");
    assert!(!store.touch("x", end, NOW).await.unwrap(), "{name}");
    assert_eq!(store.end_if("x", &a, NOW).await.unwrap(), SwapOutcome::Gone, "{name}");
    store.end("x").await.unwrap();
    assert_eq!(load("x", NOW).await, None, "{name}: none of these calls created it");

    // A record is created only once.
    assert!(store.create("x", &a, end, NOW).await.unwrap(), "{name}");
    assert!(!store.create("x", &b, end, NOW).await.unwrap(), "{name}: the id is taken");
    assert_eq!(load("x", NOW).await.as_deref(), Some(a.as_slice()), "{name}");

    // A record is replaced only if it is unchanged.
    assert_eq!(store.replace("x", &b, &c, end, NOW).await.unwrap(), SwapOutcome::Conflict, "{name}");
    assert_eq!(load("x", NOW).await.as_deref(), Some(a.as_slice()), "{name}");
    assert_eq!(store.replace("x", &a, &b, end, later).await.unwrap(), SwapOutcome::Done, "{name}");
    assert_eq!(load("x", NOW).await.as_deref(), Some(b.as_slice()), "{name}");

    // A record is ended only if it is unchanged, or unconditionally.
    assert_eq!(store.end_if("x", &a, NOW).await.unwrap(), SwapOutcome::Conflict, "{name}");
    assert_eq!(store.end_if("x", &b, NOW).await.unwrap(), SwapOutcome::Done, "{name}");
    assert_eq!(load("x", NOW).await, None, "{name}");
    assert!(store.create("y", &a, None, NOW).await.unwrap(), "{name}");
    store.end("y").await.unwrap();
    assert_eq!(load("y", NOW).await, None, "{name}");

    if clock {
        assert!(store.create("z", &a, end, NOW).await.unwrap(), "{name}");
        let over = NOW + HOUR + Duration::from_secs(1);
        assert!(store.touch("z", Some(over + HOUR), NOW).await.unwrap(), "{name}");
        assert_eq!(load("z", over).await.as_deref(), Some(a.as_slice()), "{name}: it was touched");
        let over = over + HOUR + Duration::from_secs(1);
        assert_eq!(load("z", over).await, None, "{name}");
        assert_eq!(
            store.replace("z", &a, &b, Some(over + HOUR), over).await.unwrap(),
            SwapOutcome::Gone,
            "{name}: not revived"
        );
        assert!(!store.touch("z", Some(over + HOUR), over).await.unwrap(), "{name}: not revived");
        assert_eq!(store.end_if("z", &a, over).await.unwrap(), SwapOutcome::Gone, "{name}");
        assert!(store.create("z", &b, Some(over + HOUR), over).await.unwrap(), "{name}: an expired record makes room");
        assert_eq!(load("z", over).await.as_deref(), Some(b.as_slice()), "{name}");
    }
}

/// Exactly one of many concurrent replacements of the same record succeeds.
async fn lets_one_win(name: &str, store: &impl ForeignStore, record: impl Fn(&str) -> Vec<u8>) {
    let (first, end) = (record("first"), Some(NOW + HOUR));
    assert!(store.create("race", &first, end, NOW).await.unwrap(), "{name}");
    let records: Vec<Vec<u8>> = (0..20).map(|number| record(&format!("n{number}"))).collect();
    let swaps = records.iter().map(|record| store.replace("race", &first, record, end, NOW));
    let swaps = futures_util::future::join_all(swaps).await;
    let winners: Vec<usize> = swaps
        .iter()
        .enumerate()
        .filter(|(_, swap)| matches!(swap, Ok(SwapOutcome::Done)))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(winners.len(), 1, "{name}: {swaps:?}");
    assert_eq!(store.load("race", NOW).await.unwrap().as_ref(), Some(&records[winners[0]]), "{name}");
}

/// Returns the store's message, which the error keeps for traces.
fn why(error: &cloakroom_session::Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// Returns text that a column of the type `json` accepts and preserves.
fn json(value: &str) -> Vec<u8> {
    format!("{{\"b\" : \"{value}\",\"a\":[1.0,  \"☃\"]}}").into_bytes()
}

fn plain(value: &str) -> Vec<u8> {
    format!("{value}:'\"☃").into_bytes()
}

/// Returns bytes that are no text.
fn binary(value: &str) -> Vec<u8> {
    [value.as_bytes(), &[0, 0xff, 0xc3, b'\'', b'\\', 0x80]].concat()
}

#[tokio::test]
async fn redis() {
    let server = Redis::start();
    let store = RedisRecords::connect(&server.url()).await.unwrap();
    keeps_the_contract("redis", &store, plain, false).await;
    lets_one_win("redis", &store, plain).await;
    assert!(store.create("timed", b"a", Some(NOW + HOUR), NOW).await.unwrap());
    assert_eq!(server.cli(&["GET", "sess:timed"]), "a");
    let ttl = || server.cli(&["TTL", "sess:timed"]).parse::<i64>().unwrap();
    assert!((3590..=3600).contains(&ttl()));
    assert!(store.touch("timed", Some(NOW + HOUR * 2), NOW).await.unwrap());
    assert!((7190..=7200).contains(&ttl()));
    assert!(store.touch("timed", None, NOW).await.unwrap());
    assert_eq!(ttl(), -1, "for ever");
    assert_eq!(store.replace("timed", b"a", b"b", Some(NOW + HOUR), NOW).await.unwrap(), SwapOutcome::Done);
    assert!((3590..=3600).contains(&ttl()));
    let other = store.clone().prefix("shop:");
    assert_eq!(other.load("timed", NOW).await.unwrap(), None);
    assert!(!format!("{other:?}").contains("127.0.0.1"));
}

#[tokio::test]
async fn an_unreachable_redis_is_unavailable() {
    let error = RedisRecords::connect("redis://:hunter2@127.0.0.1:1/").await.unwrap_err();
    assert!(error.is_unavailable() && !format!("{error:?} {}", why(&error)).contains("hunter2"), "{error:?}");
}

async fn table(server: &Postgres, statements: &str) {
    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(statements).await.unwrap();
}

#[tokio::test]
async fn postgresql() {
    let server = Postgres::start();
    let missing = PostgresRecords::django(&server.url()).unwrap().load("x", NOW).await.unwrap_err();
    assert!(why(&missing).contains("django_session"), "{missing:?}");
    // The tables of `manage.py migrate` and of connect-pg-simple's `table.sql`.
    table(
        &server,
        "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL);
         CREATE TABLE session (sid varchar NOT NULL PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);
         CREATE SCHEMA web;
         CREATE SCHEMA tower_sessions;
         CREATE TABLE tower_sessions.session (id text primary key not null, data bytea not null, expiry_date timestamptz not null);
         CREATE TABLE web.\"user \"\"sessions\" (sid varchar NOT NULL PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);",
    )
    .await;
    let django = PostgresRecords::django(&server.url()).unwrap();
    keeps_the_contract("django_session in PostgreSQL", &django, plain, true).await;
    lets_one_win("django_session in PostgreSQL", &django, plain).await;
    let express = PostgresRecords::express(&server.url()).unwrap();
    keeps_the_contract("session in PostgreSQL", &express, json, true).await;
    lets_one_win("session in PostgreSQL", &express, json).await;
    let named = PostgresRecords::express(&server.url()).unwrap().table("web", "user \"sessions");
    keeps_the_contract("another name in PostgreSQL", &named, json, true).await;
    let tower = PostgresRecords::tower_sessions(&server.url()).unwrap();
    keeps_the_contract("tower_sessions.session in PostgreSQL", &tower, binary, true).await;
    lets_one_win("tower_sessions.session in PostgreSQL", &tower, binary).await;
    assert!(!format!("{django:?}").contains("127.0.0.1"));
    let binary = django.create("binary", b"\xff", None, NOW).await.unwrap_err();
    assert!(why(&binary).contains("isn't text"), "{binary:?}");
}

#[tokio::test]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let missing = SqliteRecords::django(&path).unwrap_err();
    assert!(why(&missing).contains("db.sqlite3"), "{missing:?}");
    assert!(!path.exists(), "it isn't made");
    for nowhere in ["", ":memory:", "file::memory:"] {
        let error = SqliteRecords::django(nowhere).unwrap_err();
        assert!(error.is_unsupported() && why(&error).contains("`path`"), "{nowhere}: {error:?}");
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date datetime NOT NULL);",
        )
        .unwrap();
    let store = SqliteRecords::django(&path).unwrap();
    keeps_the_contract("django_session in SQLite", &store, plain, true).await;
    lets_one_win("django_session in SQLite", &store, plain).await;
    // The table of `SqliteStore::migrate`, under another name.
    let rows = "CREATE TABLE \"web-sessions\" (id text primary key not null, data blob not null, expiry_date integer not null)";
    connection.execute_batch(rows).unwrap();
    let tower = SqliteRecords::tower_sessions(&path).unwrap().table("web-sessions");
    keeps_the_contract("tower_sessions in SQLite", &tower, binary, true).await;
    lets_one_win("tower_sessions in SQLite", &tower, binary).await;
}

#[tokio::test]
async fn mysql() {
    let server = MariaDb::start_with(|_| vec!["--default-time-zone=-07:00".to_owned()]);
    let store = MysqlRecords::tower_sessions(&server.url()).unwrap();
    let missing = store.load("x", NOW).await.unwrap_err();
    assert!(why(&missing).contains("tower_sessions"), "{missing:?}");
    // The table of `MySqlStore::migrate`.
    let columns = "(id char(22) primary key not null, data blob not null, expiry_date timestamp(6) not null)";
    server.sql(&format!(
        "CREATE SCHEMA tower_sessions; CREATE TABLE tower_sessions.session {columns}; CREATE TABLE test.`a``b` {columns}"
    ));
    keeps_the_contract("tower_sessions.session in MariaDB", &store, binary, true).await;
    lets_one_win("tower_sessions.session in MariaDB", &store, binary).await;
    let named = MysqlRecords::tower_sessions(&server.url()).unwrap().table("test", "a`b");
    keeps_the_contract("another name in MariaDB", &named, binary, true).await;
    // The column ignores case; an id doesn't.
    assert!(store.create("abcDEF", b"a", Some(NOW + HOUR), NOW).await.unwrap());
    assert_eq!(store.load("ABCdef", NOW).await.unwrap(), None);
    assert_eq!(store.replace("ABCdef", b"a", b"b", None, NOW).await.unwrap(), SwapOutcome::Gone);
    assert!(!store.end("ABCdef").await.unwrap());
    // A write that changes nothing has been done.
    assert_eq!(store.replace("abcDEF", b"a", b"a", Some(NOW + HOUR), NOW).await.unwrap(), SwapOutcome::Done);
    assert!(store.touch("abcDEF", Some(NOW + HOUR), NOW).await.unwrap());
    let at = "SELECT UNIX_TIMESTAMP(expiry_date) FROM tower_sessions.session WHERE id = 'abcDEF'";
    assert!(server.sql(at).contains("1700003600.250000"), "{}", server.sql(at));
    assert!(!format!("{store:?}").contains("127.0.0.1"));
    // A record that is too long for the column isn't cut.
    assert!(store.create("long", &[1; 70_000], None, NOW).await.is_err());
    assert_eq!(store.load("long", NOW).await.unwrap(), None);
}

/// An administrator has locked a row: callers that wait for it give up, and other sessions are
/// unaffected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_row_affects_no_other_session_in_postgresql() {
    let server = Postgres::start();
    let rows = "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)";
    table(&server, rows).await;
    let store = PostgresRecords::django(&server.url()).unwrap();
    for id in ["locked", "other"] {
        assert!(store.create(id, b"a", Some(NOW + HOUR), NOW).await.unwrap());
    }
    let (admin, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute("BEGIN; SELECT FROM django_session WHERE session_key = 'locked' FOR UPDATE").await.unwrap();
    // More writes than connections.
    let writes = (0..64).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let write = store.replace("locked", b"a", b"b", None, NOW);
            tokio::time::timeout(Duration::from_millis(200), write)
                .await
                .map(|answer| answer.unwrap_or(SwapOutcome::Gone))
        })
    });
    for write in writes.collect::<Vec<_>>() {
        assert_ne!(write.await.unwrap(), Ok(SwapOutcome::Done), "the row is locked");
    }
    for _ in 0..64 {
        let read = tokio::time::timeout(Duration::from_secs(40), store.load("other", NOW)).await;
        assert_eq!(read.expect("no connection is left").unwrap().as_deref(), Some(&b"a"[..]));
    }
    admin.batch_execute("COMMIT").await.unwrap();
    // An abandoned statement may still be executed now that the lock is released. All of them write
    // the same, so at most one of these attempts meets a conflict.
    let mut outcomes = Vec::new();
    while outcomes.last() != Some(&SwapOutcome::Done) && outcomes.len() < 2 {
        let there = store.load("locked", NOW).await.unwrap().unwrap();
        outcomes.push(store.replace("locked", &there, b"c", None, NOW).await.unwrap());
    }
    assert_eq!(outcomes.last(), Some(&SwapOutcome::Done), "{outcomes:?}");
}

/// While another process writes, callers that gave up occupy no thread, and their writes don't
/// happen later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abandoned_calls_write_nothing_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let other = rusqlite::Connection::open(&path).unwrap();
    let rows = "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date datetime NOT NULL)";
    other.execute_batch(rows).unwrap();
    let store = SqliteRecords::django(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writes = (0..200).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let id = number.to_string();
            let write = store.create(&id, b"a", Some(NOW + HOUR), NOW);
            tokio::time::timeout(Duration::from_millis(20), write).await.is_ok_and(|answer| answer.is_ok())
        })
    });
    for write in writes.collect::<Vec<_>>() {
        assert!(!write.await.unwrap(), "the file is locked");
    }
    other.execute_batch("COMMIT").unwrap();
    // Queued after all the others.
    assert!(store.create("last", b"a", Some(NOW + HOUR), NOW).await.unwrap());
    let written: i64 = other.query_row("SELECT count(*) FROM django_session", [], |row| row.get(0)).unwrap();
    println!("SQLite: {} of 200 writes were carried out after their callers had gone", written - 1);
    assert!(written <= 2, "the one that had begun, and the last");
}

/// Timeouts here that end sessions sooner look like a time zone west of UTC. A row that this side
/// wrote is read all the same; one that is another two hours away isn't.
#[tokio::test]
async fn own_timeouts_are_not_taken_for_a_time_zone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let other = rusqlite::Connection::open(&path).unwrap();
    let rows = "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date datetime NOT NULL)";
    other.execute_batch(rows).unwrap();
    let format = DjangoRecord::new("django-insecure-test-key").unwrap().cookie_age(4 * HOUR);
    let lifetimes = Lifetimes::default().idle_timeout(2 * HOUR).absolute_timeout(None);
    let sessions = SharedRecords::new(format, SqliteRecords::django(&path).unwrap()).lifetimes(lifetimes);
    let app = App::new(sessions.build().unwrap());
    let mut browser = Browser::default();
    browser.visit(&app, |session| session.insert("user", 42).unwrap()).await;
    let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
    assert_eq!(user, Some(42));

    let moved = "UPDATE django_session SET expire_date = datetime(expire_date, '-1 hours')";
    assert_eq!(other.execute(moved, []).unwrap(), 1);
    let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
    assert_eq!(user, None, "three hours before Django's expiry, one before ours");
}
