//! Tables of an earlier release: `migrate` upgrades them without losing data.

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_session::Timestamp;
use cloakroom_sql::{MysqlStore, PostgresStore, SqliteStore};
use cloakroom_store::store::{Loaded, Replaced, Store};
use mysql_async::prelude::Queryable as _;

use crate::common::{LATER, NOW, entry, first, key};
use crate::postgres::client;

/// Returns twelve sessions in the earlier release's format, every other one expired. `blob` spells
/// bytes.
fn rows(blob: fn(&[u8]) -> String) -> String {
    let row = |number: u64| {
        let deadline = if number.is_multiple_of(2) { LATER } else { NOW };
        format!(
            "({}, {}, '{{}}', {}, {}, {}, {})",
            blob(key(number).as_bytes()),
            first("{}").number(),
            NOW.unix_millis(),
            NOW.unix_millis(),
            deadline.unix_millis(),
            blob(b"ann").replace("x'616e6e'", "'ann'"),
        )
    };
    let rows: Vec<_> = (0..12).map(row).collect();
    let columns = "store_key, version, record, created, touched, deadline, owner";
    format!("INSERT INTO cloakroom_sessions ({columns}) VALUES {}", rows.join(", "))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every operation works on the existing rows.
async fn goes_on(store: &impl Store) {
    let later = Timestamp::from_unix_secs(1_700_000_500);
    assert_eq!(store.load(&key(0), later).await.unwrap(), Loaded::Live(first("{}"), entry("{}")));
    assert!(store.touch(&key(0), later, Some(LATER), later).await.unwrap());
    assert!(matches!(store.replace(&key(2), first("{}"), &entry("2"), later).await.unwrap(), Replaced::Yes(_)));
    let moved = store.cycle(&key(4), first("{}"), &key(40), &entry("4"), LATER, later).await.unwrap();
    assert!(matches!(moved, Replaced::Yes(_)));
    // The first sweep visits all existing rows, and deletes the expired ones, a few at a time.
    assert_eq!(store.sweep(later, 4).await.unwrap(), 4);
    assert_eq!(store.sweep(later, 4).await.unwrap(), 2);
    for (number, lives) in [(0, true), (1, false), (2, true), (5, false), (6, true), (40, true)] {
        let found = store.load(&key(number), later).await.unwrap();
        assert_eq!(matches!(found, Loaded::Live(..)), lives, "{number}: {found:?}");
    }
    let end = LATER + std::time::Duration::from_secs(1);
    // Six sessions, and the tombstone of the one that moved.
    assert_eq!(store.sweep(end, 100).await.unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_an_earlier_release_on_postgresql() {
    let server = Postgres::start();
    let client = client(&server.url()).await;
    client.batch_execute(include_str!("earlier/postgres.sql")).await.unwrap();
    client.batch_execute(&rows(|bytes| format!(r"'\x{}'", hex(bytes)))).await.unwrap();
    let store = PostgresStore::connect(&server.url()).unwrap();
    assert!(store.look_for_table().await.unwrap_err().is_missing());
    let error = store.create(&key(50), &entry("{}"), NOW).await.unwrap_err();
    assert!(error.is_missing() && error.to_string().contains("sweep_at"), "{error}");
    store.migrate().await.unwrap();
    store.look_for_table().await.unwrap();
    goes_on(&store).await;
    // Once the table is up to date, `migrate` waits for no lock, not even one on the whole table.
    client.batch_execute("BEGIN; LOCK TABLE cloakroom_sessions").await.unwrap();
    store.migrate().await.unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    let indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = 'cloakroom_sessions'";
    assert_eq!(client.query_one(indexes, &[]).await.unwrap().get::<_, i64>(0), 4);
}

async fn migrate_all(server: &MariaDb) -> MysqlStore {
    let stores: Vec<_> = (0..4).map(|_| MysqlStore::connect(&server.url()).unwrap()).collect();
    let migrating = stores.iter().cloned().map(|store| tokio::spawn(async move { store.migrate().await }));
    for migrated in migrating.collect::<Vec<_>>() {
        migrated.await.unwrap().unwrap();
    }
    let store = stores[0].clone();
    store.look_for_table().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_an_earlier_release_on_mysql() {
    let server = MariaDb::start();
    let opts = mysql_async::Opts::from_url(&server.url()).unwrap();
    let mut client = mysql_async::Conn::new(opts).await.unwrap();
    client.query_drop(include_str!("earlier/mysql.sql")).await.unwrap();
    client.query_drop(rows(|bytes| format!("x'{}'", hex(bytes)))).await.unwrap();
    let store = MysqlStore::connect(&server.url()).unwrap();
    assert!(store.look_for_table().await.unwrap_err().is_missing());
    goes_on(&migrate_all(&server).await).await;
}

/// After a crash on a full disk, MariaDB has reported the index of a virtual column as corrupt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computed_column_on_mysql_becomes_a_stored_one() {
    let server = MariaDb::start();
    let opts = mysql_async::Opts::from_url(&server.url()).unwrap();
    let mut client = mysql_async::Conn::new(opts).await.unwrap();
    let schema = MysqlStore::schema(&cloakroom_sql::TableName::default());
    let (_, before) = schema.split_once(";\n").unwrap();
    client.query_drop(before.replace(") STORED", ") VIRTUAL")).await.unwrap();
    client.query_drop(rows(|bytes| format!("x'{}'", hex(bytes)))).await.unwrap();
    let store = migrate_all(&server).await;
    let extra = "SELECT extra FROM information_schema.columns WHERE column_name = 'owner_start'";
    assert_eq!(client.query_first::<String, _>(extra).await.unwrap().as_deref(), Some("STORED GENERATED"));
    assert_eq!(store.count_owned("ann", usize::MAX, NOW).await.unwrap(), 12);
    client.query_drop("UPDATE cloakroom_sessions SET sweep_at = 0").await.unwrap();
    goes_on(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_an_earlier_release_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let before = rusqlite::Connection::open(&path).unwrap();
    before.execute_batch(include_str!("earlier/sqlite.sql")).unwrap();
    before.execute_batch(&rows(|bytes| format!("x'{}'", hex(bytes)))).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    goes_on(&store).await;
}
