//! Servers that accept fewer connections than a pool wants, and pools that keep their connections.

use std::time::Duration;

use cloakroom_servers::{MariaDb, Postgres, Proxy};
use cloakroom_sql::{MysqlStore, PostgresStore};
use cloakroom_store::store::{Loaded, Store};
use mysql_async::{Opts, OptsBuilder, Pool};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::common::{NOW, entry, key};

const PATIENCE: Duration = Duration::from_secs(120);

/// Returns the number of failures among this many concurrent reads.
async fn failed<S: Store + Clone>(store: &S, calls: u64) -> usize {
    let mut reads = JoinSet::new();
    for _ in 0..calls {
        let store = store.clone();
        reads.spawn(async move { timeout(PATIENCE, store.load(&key(1), NOW)).await });
    }
    let answers = reads.join_all().await;
    answers.iter().filter(|answer| !matches!(answer, Ok(Ok(Loaded::Live(..))))).count()
}

async fn all_reads_succeed<S: Store + Clone>(name: &str, store: &S) {
    store.create(&key(1), &entry("{}"), NOW).await.unwrap();
    for round in 0..3 {
        let failed = failed(store, 1000).await;
        println!("{name}: round {round}: {failed} of 1000 reads at once failed");
        assert_eq!(failed, 0, "{name}");
    }
    store.end(&key(1), NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    let mut server = Postgres::start_with(|_| {
        let settings = ["max_connections=6", "superuser_reserved_connections=0", "max_wal_senders=0"];
        settings.map(str::to_owned).to_vec()
    });
    let store = PostgresStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    all_reads_succeed("postgres, 6 connections", &store).await;
    // Other clients hold all connections: the error says so.
    let others = async {
        let mut clients = Vec::new();
        while let Ok((client, connection)) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await {
            tokio::spawn(connection);
            clients.push(client);
        }
        clients
    };
    let others = others.await;
    let other = PostgresStore::connect(&server.url()).unwrap();
    let error = other.load(&key(1), NOW).await.unwrap_err();
    assert!(error.to_string().contains("53300"), "{error}");
    // No failure if they release their connections shortly afterwards, although the pool has none
    // yet.
    let wire = Proxy::to(server.server().port());
    let url = server.url().replace(&server.server().port().to_string(), &wire.port().to_string());
    let other = PostgresStore::connect(&url).unwrap();
    let loading = tokio::spawn(async move { other.load(&key(1), NOW).await });
    while wire.opened() < 2 && !loading.is_finished() {
        tokio::task::yield_now().await;
    }
    drop((store, others));
    assert_eq!(loading.await.unwrap().unwrap(), Loaded::Absent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mysql() {
    let few = || MariaDb::start_with(|_| vec!["--max-connections=10".to_owned()]);
    let server = few();
    let store = MysqlStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    all_reads_succeed("mysql, 10 connections", &store).await;
    let server = few();
    let opts = OptsBuilder::from_opts(Opts::from_url(&server.url()).unwrap());
    let store = MysqlStore::from_pool(Pool::new(opts));
    store.migrate().await.unwrap();
    all_reads_succeed("mysql, 10 connections, a pool of the application", &store).await;
}

/// Bursts of requests open no connections once the pool is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bursts_open_no_connections() {
    let mut server = Postgres::start();
    let wire = Proxy::to(server.server().port());
    let store = PostgresStore::connect(&format!("postgres://postgres@127.0.0.1:{}/postgres", wire.port())).unwrap();
    store.migrate().await.unwrap();
    bursts("postgres", &store, &wire).await;
    let mut server = MariaDb::start();
    let wire = Proxy::to(server.server().port());
    let url = format!("mysql://root@127.0.0.1:{}/test?prefer_socket=false", wire.port());
    let store = MysqlStore::connect(&url).unwrap();
    store.migrate().await.unwrap();
    bursts("mysql", &store, &wire).await;
}

async fn bursts<S: Store + Clone>(name: &str, store: &S, wire: &Proxy) {
    store.create(&key(1), &entry("{}"), NOW).await.unwrap();
    for _ in 0..50 {
        assert_eq!(failed(store, 64).await, 0);
    }
    println!("{name}: {} connections in 50 bursts of 64 reads", wire.opened());
    assert!(wire.opened() <= 18, "{name}: {}", wire.opened());
}
