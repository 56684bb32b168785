//! Servers with unusual settings (strictness, isolation, limits), and a missing table.

use std::sync::Arc;

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_sql::{MysqlStore, PostgresStore, SqliteStore};
use cloakroom_store::store::{
    Loaded, Store, all_owned,
    conformance::{Capabilities, assert_conforms},
    end_all_before,
};
use rusqlite::Connection;

use crate::common::{LATER, NOW, chase, entry, first, key, over_makes_room};

/// Every operation names the missing table and how to create it.
async fn errors_name_the_missing_table(store: &impl Store) {
    for (what, answer) in [
        ("load", store.load(&key(1), NOW).await.map(|_| ())),
        ("create", store.create(&key(1), &entry("{}"), NOW).await.map(|_| ())),
        ("replace", store.replace(&key(1), first("{}"), &entry("{}"), NOW).await.map(|_| ())),
        ("touch", store.touch(&key(1), NOW, None, NOW).await.map(|_| ())),
        ("cycle", store.cycle(&key(1), first("{}"), &key(2), &entry("{}"), LATER, NOW).await.map(|_| ())),
        ("end", store.end(&key(1), NOW).await.map(|_| ())),
        ("sweep", store.sweep(NOW, 10).await.map(|_| ())),
        ("owned", all_owned(store, "ann", NOW).await.map(|_| ())),
        ("end_before", end_all_before(store, NOW, NOW).await.map(|_| ())),
    ] {
        let error = answer.expect_err(what).to_string();
        assert!(error.contains("cloakroom_sessions") && error.contains("migrate()"), "{what}: {error}");
    }
}

#[tokio::test]
async fn sqlite_without_its_table() {
    errors_name_the_missing_table(&SqliteStore::from_connection(Connection::open_in_memory().unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_serializable() {
    // Conflicting statements are rolled back and retried.
    let server = Postgres::start_with(|_| vec!["default_transaction_isolation=serializable".to_owned()]);
    let store = PostgresStore::connect(&server.url()).unwrap();
    errors_name_the_missing_table(&store).await;
    store.migrate().await.unwrap();
    over_makes_room(&store).await;
    chase(store.clone(), 100).await;
    assert_conforms(Arc::new(store), Capabilities::all().rounds(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mysql_lenient_and_small() {
    let options = ["--sql-mode=", "--transaction-isolation=READ-COMMITTED", "--max-allowed-packet=8M"];
    let server = MariaDb::start_with(|_| options.map(str::to_owned).to_vec());
    let store = MysqlStore::connect(&server.url()).unwrap();
    errors_name_the_missing_table(&store).await;
    store.migrate().await.unwrap();
    over_makes_room(&store).await;
    store.create(&key(1), &entry("old"), NOW).await.unwrap();
    let large = entry(&"secret".repeat(2_000_000));
    for _ in 0..20 {
        let error = store.replace(&key(1), first("old"), &large, NOW).await.unwrap_err().to_string();
        assert!(
            error.contains("larger than the server's `max_allowed_packet`") && !error.contains("secret"),
            "{error}"
        );
    }
    assert_eq!(store.load(&key(1), NOW).await.unwrap(), Loaded::Live(first("old"), entry("old")));
    store.end(&key(1), NOW).await.unwrap();
    chase(store.clone(), 100).await;
    assert_conforms(Arc::new(store), Capabilities::all().rounds(30)).await;
}
