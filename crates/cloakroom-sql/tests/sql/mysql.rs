//! MySQL, on a real MariaDB server.

use std::sync::Arc;

use cloakroom_servers::{MariaDb, Proxy};
use cloakroom_sql::MysqlStore;
use cloakroom_store::store::{
    Severity, Store as _, Topic,
    conformance::{Capabilities, assert_conforms},
};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, Row};

use crate::common::{NOW, chase, entry, key, newer_columns_are_left_alone, over_makes_room, race, trips};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_server() {
    let mut server = MariaDb::start();
    let url = server.url();
    let stores: Vec<_> = (0..8).map(|_| MysqlStore::connect(&url).unwrap()).collect();
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
    let mut client = Conn::new(Opts::from_url(&url).unwrap()).await.unwrap();
    corrupt_rows_are_errors(&store, &mut client).await;
    over_makes_room(&store).await;
    indexes_are_used(&mut client).await;
    round_trips(server.server().port()).await;
    assert_conforms(Arc::new(store.clone()), Capabilities::all()).await;
    let query = async |sql: String| {
        let row: Option<Row> = client.query_first(sql).await.unwrap();
        row.and_then(|row| row.get::<Option<String>, _>(0).flatten())
    };
    newer_columns_are_left_alone(&store, |key| format!("x'{}'", key.to_hex()), query).await;
}

#[tokio::test]
async fn a_server_that_only_reads_is_a_problem() {
    let server = MariaDb::start();
    let store = MysqlStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let writes = async || {
        let findings = store.checkup().await.unwrap().findings;
        let finding = findings.into_iter().find(|it| it.topic == Topic::Writes).unwrap();
        (finding.severity, finding.text)
    };
    assert_eq!(writes().await.0, Severity::Good);
    let mut client = Conn::new(Opts::from_url(&server.url()).unwrap()).await.unwrap();
    client.query_drop("SET GLOBAL read_only = ON").await.unwrap();
    let (severity, text) = writes().await;
    assert!(severity == Severity::Problem && text.contains("read_only is on"), "{text}");
}

async fn corrupt_rows_are_errors(store: &MysqlStore, client: &mut Conn) {
    let table = [
        ("a negative version", "version = -1"),
        ("a record that isn't UTF-8", "record = x'ff'"),
        ("created before the epoch", "created = -1"),
        ("a negative deadline", "deadline = -1"),
        ("an owner that isn't UTF-8", "owner = x'ff'"),
    ];
    for (name, damage) in table {
        client.query_drop("DELETE FROM cloakroom_sessions").await.unwrap();
        store.create(&key(1), &entry("{}"), NOW).await.unwrap();
        client.query_drop(format!("UPDATE cloakroom_sessions SET {damage}")).await.unwrap();
        let error = store.load(&key(1), NOW).await.unwrap_err();
        assert!(error.is_corrupt(), "{name}: {error}");
    }
    client.query_drop("DELETE FROM cloakroom_sessions").await.unwrap();
}

async fn indexes_are_used(client: &mut Conn) {
    let fill = "INSERT INTO cloakroom_sessions (store_key, version, record, created, touched, deadline, owner, sweep_at) \
                SELECT UNHEX(SHA2(seq, 256)), 1, '{}', seq, seq, seq, seq DIV 3, seq FROM seq_1_to_5000";
    client.query_drop(fill).await.unwrap();
    client.query_drop("ANALYZE TABLE cloakroom_sessions").await.unwrap();
    let table = [
        (
            "cloakroom_sessions_owned",
            "SELECT * FROM cloakroom_sessions WHERE owner_start = '77' AND owner = '77' ORDER BY created, store_key LIMIT 9",
        ),
        (
            "cloakroom_sessions_created",
            "DELETE FROM cloakroom_sessions WHERE created >= 10 AND created < 500 ORDER BY created LIMIT 100",
        ),
        ("cloakroom_sessions_sweep", "DELETE FROM cloakroom_sessions WHERE sweep_at < 500 ORDER BY sweep_at LIMIT 100"),
    ];
    for (index, statement) in table {
        let rows: Vec<Row> = client.query(format!("EXPLAIN {statement}")).await.unwrap();
        let used: Option<String> = rows[0].get("key").unwrap();
        assert_eq!(used.as_deref(), Some(index), "{statement}");
    }
    client.query_drop("DELETE FROM cloakroom_sessions").await.unwrap();
}

async fn round_trips(port: u16) {
    let wire = Proxy::to(port);
    let url = format!("mysql://root@127.0.0.1:{}/test?prefer_socket=false", wire.port());
    // One connection: a second one would prepare the statements again at an unpredictable time.
    let pool = PoolOpts::default().with_constraints(PoolConstraints::new(1, 1).unwrap()).with_reset_connection(false);
    let opts = OptsBuilder::from_opts(Opts::from_url(&url).unwrap()).pool_opts(pool);
    let store = MysqlStore::from_pool(Pool::new(opts));
    for (what, trips) in trips(&store, || wire.trips()).await {
        println!("mysql: {what}: {trips} round trips");
        let expected = match what {
            // A step of `end_before` first finds where it ends.
            "replace, conflict" | "replace, gone" | "sweep" | "end_before" => 2,
            // The key, a tombstone, and the missing key that it leads to.
            "end, moved and ended" => 4,
            _ => 1,
        };
        assert_eq!(trips, expected, "{what}");
    }
}

#[tokio::test]
async fn passwords_are_not_shown() {
    let store = MysqlStore::connect("mysql://ann:hunter2@127.0.0.1:1/x").unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
    let error = MysqlStore::connect("mysql://ann:hunter2@127.0.0.1:port/x").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let error = store.load(&key(1), NOW).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
