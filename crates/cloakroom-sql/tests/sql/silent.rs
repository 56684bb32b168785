//! Network connections that go silent: everything sent is lost, and neither side gets an error.

use std::time::Duration;

use cloakroom_servers::{MariaDb, Postgres, Proxy};
use cloakroom_sql::{MysqlStore, PostgresStore};
use cloakroom_store::store::{Loaded, Store};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::common::{NOW, entry, key};

/// More concurrent callers than a pool has connections.
const CALLERS: u64 = 32;

/// The deadline of a caller. It is short: these tests only count failed calls.
const DEADLINE: Duration = Duration::from_secs(1);

/// Any answer on a working connection comes sooner, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn at_once<S: Store + Clone>(store: &S, deadline: Duration) -> usize {
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let store = store.clone();
        calls.spawn(async move { timeout(deadline, store.load(&key(1), NOW)).await });
    }
    let answers = calls.join_all().await;
    answers.iter().filter(|answer| !matches!(answer, Ok(Ok(Loaded::Live(..))))).count()
}

/// After the first missed deadline the next call succeeds, although all idle connections are
/// silent.
async fn recovers<S: Store + Clone>(name: &str, store: &S, wire: &Proxy) {
    store.create(&key(1), &entry("{}"), NOW).await.unwrap();
    // One call at a time, with a pool full of idle connections.
    assert_eq!(at_once(store, PATIENCE).await, 0);
    wire.silence();
    assert!(timeout(DEADLINE, store.load(&key(1), NOW)).await.is_err(), "{name}: the wire is silent");
    let since = Instant::now();
    let next = timeout(PATIENCE, store.load(&key(1), NOW)).await;
    assert!(matches!(next, Ok(Ok(Loaded::Live(..)))), "{name}: {next:?}");
    println!("{name}: 1 call failed; an answer {:?} after the first missed deadline", since.elapsed());
    // Many concurrently.
    assert_eq!(at_once(store, PATIENCE).await, 0);
    wire.silence();
    let failed = at_once(store, DEADLINE).await;
    let since = Instant::now();
    assert_eq!(at_once(store, PATIENCE).await, 0, "{name}");
    println!("{name}: {failed} of {CALLERS} calls at once failed; all answered {:?} later", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    let mut server = Postgres::start();
    let wire = Proxy::to(server.server().port());
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", wire.port());
    let store = PostgresStore::connect(&url).unwrap();
    store.migrate().await.unwrap();
    recovers("postgres", &store, &wire).await;
    let manager = deadpool_postgres::Manager::new(url.parse().unwrap(), tokio_postgres::NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(8).build().unwrap();
    let store = PostgresStore::from_pool(pool);
    store.end(&key(1), NOW).await.unwrap();
    recovers("postgres, a pool of the application", &store, &wire).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mysql() {
    let mut server = MariaDb::start();
    let wire = Proxy::to(server.server().port());
    let url = format!("mysql://root@127.0.0.1:{}/test?prefer_socket=false", wire.port());
    let store = MysqlStore::connect(&url).unwrap();
    store.migrate().await.unwrap();
    recovers("mysql", &store, &wire).await;
}
