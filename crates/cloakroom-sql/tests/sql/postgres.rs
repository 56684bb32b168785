//! PostgreSQL, on a real server.

use std::sync::Arc;

use cloakroom_servers::{Postgres, Proxy};
use cloakroom_sql::PostgresStore;
use cloakroom_store::store::{
    Store as _, all_owned,
    conformance::{Capabilities, assert_conforms},
};
use tokio_postgres::NoTls;

use crate::common::{NOW, chase, entry, key, newer_columns_are_left_alone, over_makes_room, race, trips};

pub(crate) async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_server() {
    let mut server = Postgres::start();
    let url = server.url();
    let stores: Vec<_> = (0..8).map(|_| PostgresStore::connect(&url).unwrap()).collect();
    // All concurrently, and a second time.
    for _ in 0..2 {
        let migrating = stores.iter().cloned().map(|store| tokio::spawn(async move { store.migrate().await }));
        for migrated in migrating.collect::<Vec<_>>() {
            migrated.await.unwrap().unwrap();
        }
    }
    let store = stores[0].clone();
    chase(store.clone(), 300).await;
    race(stores, 25).await;
    let client = client(&url).await;
    corrupt_rows_are_errors(&store, &client).await;
    over_makes_room(&store).await;
    indexes_are_used(&client).await;
    round_trips(server.server().port()).await;
    assert_conforms(Arc::new(store.clone()), Capabilities::all()).await;
    let query = async |sql: String| {
        let rows = client.query(&sql, &[]).await.unwrap();
        rows.first().and_then(|row| row.get::<_, Option<String>>(0))
    };
    newer_columns_are_left_alone(&store, |key| format!(r"'\x{}'::bytea", key.to_hex()), query).await;
}

async fn corrupt_rows_are_errors(store: &PostgresStore, client: &tokio_postgres::Client) {
    let table = [
        ("a negative version", "version = -1"),
        ("a record that isn't UTF-8", r"record = '\xff'"),
        ("created before the epoch", "created = -1"),
        ("a negative deadline", "deadline = -1"),
        ("an owner that isn't UTF-8", r"owner = '\xff'"),
    ];
    for (name, damage) in table {
        client.batch_execute("DELETE FROM cloakroom_sessions").await.unwrap();
        store.create(&key(1), &entry("{}"), NOW).await.unwrap();
        client.batch_execute(&format!("UPDATE cloakroom_sessions SET {damage}")).await.unwrap();
        let error = store.load(&key(1), NOW).await.unwrap_err();
        assert!(error.is_corrupt(), "{name}: {error}");
    }
    client
        .batch_execute(r"UPDATE cloakroom_sessions SET store_key = '\x00', owner = 'ann', deadline = NULL")
        .await
        .unwrap();
    assert!(all_owned(store, "ann", NOW).await.unwrap_err().is_corrupt());
    client.batch_execute("DELETE FROM cloakroom_sessions").await.unwrap();
}

async fn indexes_are_used(client: &tokio_postgres::Client) {
    let fill = "INSERT INTO cloakroom_sessions SELECT sha256(convert_to(n::text, 'UTF8')), 1, '{}', n, n, n, \
                convert_to((n / 3)::text, 'UTF8'), NULL, n FROM generate_series(1, 20000) n; ANALYZE cloakroom_sessions";
    client.batch_execute(fill).await.unwrap();
    let table = [
        (
            "cloakroom_sessions_owned",
            "SELECT * FROM cloakroom_sessions WHERE substr(owner, 1, 255) = substr('77'::BYTEA, 1, 255) AND owner = '77' \
             AND (created, store_key) > (5, '') ORDER BY created, store_key LIMIT 10",
        ),
        (
            "cloakroom_sessions_created",
            "SELECT store_key FROM cloakroom_sessions WHERE created >= 50 AND created < 500 ORDER BY created LIMIT 100",
        ),
        (
            "cloakroom_sessions_sweep",
            "DELETE FROM cloakroom_sessions WHERE store_key = ANY (ARRAY(SELECT store_key FROM cloakroom_sessions \
             WHERE sweep_at < 500 ORDER BY sweep_at LIMIT 100 FOR UPDATE SKIP LOCKED))",
        ),
    ];
    for (index, statement) in table {
        let rows = client.query(&format!("EXPLAIN {statement}"), &[]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("Seq Scan")), "{plan:#?}");
    }
    client.batch_execute("DELETE FROM cloakroom_sessions").await.unwrap();
}

async fn round_trips(port: u16) {
    let wire = Proxy::to(port);
    let store = PostgresStore::connect(&format!("postgres://postgres@127.0.0.1:{}/postgres", wire.port())).unwrap();
    for (what, trips) in trips(&store, || wire.trips()).await {
        println!("postgres: {what}: {trips} round trips");
        // A step of `end_before` first finds where it ends.
        assert_eq!(trips, if what == "end_before" { 2 } else { 1 }, "{what}");
    }
}

#[test]
fn passwords_are_not_shown() {
    let store = PostgresStore::connect("postgres://ann:hunter2@127.0.0.1:1/x").unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
    let error = PostgresStore::connect("postgres://ann:hunter2@127.0.0.1:port/x").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(store.load(&key(1), NOW)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
