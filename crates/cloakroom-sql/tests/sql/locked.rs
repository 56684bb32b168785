//! A row that an administrator has locked: only its own session is affected.

use std::time::Duration;

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_sql::{MysqlStore, PostgresStore};
use cloakroom_store::store::{Loaded, Replaced, Store, end_all_before};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, Pool, PoolConstraints, PoolOpts};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::common::{LATER, NOW, entry, key};
use crate::postgres::client;

/// More callers than any of the pools has connections.
const CALLERS: u64 = 64;

/// The time after which a caller that waits for a lock gives up.
const GIVEN_UP: Duration = Duration::from_millis(200);

/// An upper bound that only a pool without a usable connection exceeds.
const PATIENCE: Duration = Duration::from_secs(40);

async fn fill(store: &impl Store) {
    for number in 0..CALLERS {
        store.create(&key(number), &entry("{}"), NOW).await.unwrap();
    }
}

/// Writes a locked session repeatedly, and counts the failed reads of other sessions during that
/// time.
async fn others_do_not_notice<S: Store + Clone>(name: &str, store: &S) {
    let mut writes = JoinSet::new();
    for _ in 0..CALLERS {
        let store = store.clone();
        let seen = entry("{}").next_version(None);
        let write = async move { store.replace(&key(0), seen, &entry("new"), NOW).await };
        writes.spawn(timeout(GIVEN_UP, write));
    }
    for write in writes.join_all().await {
        assert!(!matches!(write, Ok(Ok(Replaced::Yes(_)))), "{name}: the row is locked");
    }
    let mut reads = JoinSet::new();
    for number in 1..CALLERS {
        let store = store.clone();
        reads.spawn(async move { timeout(PATIENCE, store.load(&key(number), NOW)).await });
    }
    let answers = reads.join_all().await;
    let failed = answers.iter().filter(|answer| !matches!(answer, Ok(Ok(Loaded::Live(..))))).count();
    println!("{name}: {failed} of {} reads of other sessions failed while a row was locked", answers.len());
    assert_eq!(failed, 0, "{name}");
}

/// Once the lock is released, the session works again: immediately if the abandoned statements were
/// cancelled.
async fn goes_on(name: &str, store: &impl Store, cancels: bool) {
    loop {
        let Loaded::Live(seen, _) = store.load(&key(0), NOW).await.unwrap() else { panic!("{name}: lost") };
        match store.replace(&key(0), seen, &entry("after"), NOW).await.unwrap() {
            Replaced::Yes(_) => break,
            Replaced::Conflict => assert!(!cancels, "{name}: a statement of a caller that left was carried out"),
            Replaced::Gone => panic!("{name}: gone"),
        }
    }
    end_all_before(store, LATER, NOW).await.unwrap();
}

async fn on_postgres(name: &str, store: PostgresStore, url: &str, cancels: bool) {
    store.migrate().await.unwrap();
    fill(&store).await;
    let admin = client(url).await;
    admin.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT 1 FROM cloakroom_sessions WHERE store_key = $1 FOR UPDATE";
    assert_eq!(admin.query(lock, &[&key(0).as_bytes().to_vec()]).await.unwrap().len(), 1);
    others_do_not_notice(name, &store).await;
    // No abandoned statement keeps waiting in the server.
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let left = timeout(PATIENCE, async {
        while cancels && admin.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
    });
    left.await.unwrap_or_else(|_| panic!("{name}: abandoned statements still run"));
    admin.batch_execute("COMMIT").await.unwrap();
    goes_on(name, &store, cancels).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    let server = Postgres::start();
    let url = server.url();
    on_postgres("postgres", PostgresStore::connect(&url).unwrap(), &url, true).await;
    let config: tokio_postgres::Config = url.parse().unwrap();
    let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(8).build().unwrap();
    on_postgres("postgres, a pool of the application", PostgresStore::from_pool(pool), &url, true).await;
}

#[cfg(feature = "sqlx-postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_by_sqlx() {
    let server = Postgres::start();
    let url = server.url();
    let store = PostgresStore::from_sqlx(::sqlx::PgPool::connect(&url).await.unwrap());
    // sqlx can't cancel a statement: its connection is closed.
    on_postgres("postgres by sqlx", store, &url, false).await;
}

async fn on_mysql(name: &str, store: MysqlStore, url: &str, cancels: bool) {
    store.migrate().await.unwrap();
    fill(&store).await;
    let mut admin = Conn::new(Opts::from_url(url).unwrap()).await.unwrap();
    admin.query_drop("BEGIN").await.unwrap();
    let lock = "SELECT 1 FROM cloakroom_sessions WHERE store_key = ? FOR UPDATE";
    admin.exec_drop(lock, (key(0).as_bytes().as_slice(),)).await.unwrap();
    others_do_not_notice(name, &store).await;
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'UPDATE%'";
    let left = timeout(PATIENCE, async {
        while cancels && admin.query_first::<i64, _>(waiting).await.unwrap() != Some(0) {
            tokio::task::yield_now().await;
        }
    });
    left.await.unwrap_or_else(|_| panic!("{name}: abandoned statements still run"));
    admin.query_drop("COMMIT").await.unwrap();
    goes_on(name, &store, cancels).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mysql() {
    let server = MariaDb::start();
    let url = server.url();
    on_mysql("mysql", MysqlStore::connect(&url).unwrap(), &url, true).await;
    let pool = PoolOpts::default().with_constraints(PoolConstraints::new(8, 8).unwrap());
    let opts = mysql_async::OptsBuilder::from_opts(Opts::from_url(&url).unwrap()).pool_opts(pool);
    on_mysql("mysql, a pool of the application", MysqlStore::from_pool(Pool::new(opts)), &url, true).await;
}

#[cfg(feature = "sqlx-mysql")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mysql_by_sqlx() {
    let server = MariaDb::start();
    let url = server.url();
    let store = MysqlStore::from_sqlx(::sqlx::MySqlPool::connect(&url).await.unwrap());
    on_mysql("mysql by sqlx", store, &url, false).await;
}
