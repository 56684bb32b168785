//! Metrics of pools: connections in use and idle, callers that wait, and how long they wait.
//!
//! The one test of its process: threads of stores report to the recorder of the process.

use std::collections::BTreeMap;
use std::time::Duration;

use cloakroom::store::{Store as _, StoreKey};
use cloakroom::{AnyStore, Clock as _, SystemClock, connect, meter};
use cloakroom_servers::{MariaDb, Postgres};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// As long as a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gauges by their value, and histograms by the number of their values so far.
struct Numbers {
    snapshotter: Snapshotter,
    seen: BTreeMap<String, f64>,
}

impl Numbers {
    fn of(&mut self, metric: &str, store: &str, more: &str) -> f64 {
        for (key, _, description, value) in self.snapshotter.snapshot().into_vec() {
            let labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            assert!(description.is_some(), "{key:?} isn't described");
            let seen = self.seen.entry(format!("{} {}", key.key().name(), labels.join(" "))).or_default();
            match value {
                // A snapshot sets gauges to 0, and they are changed by differences alone.
                DebugValue::Gauge(number) => *seen += number.into_inner(),
                // It takes these values out.
                DebugValue::Histogram(values) => *seen += values.len() as f64,
                DebugValue::Counter(_) => {}
            }
        }
        let name = format!("cloakroom_store_pool_{metric} store={store}{more}");
        self.seen.get(&name).copied().unwrap_or_default()
    }

    fn connections(&mut self, store: &str) -> [f64; 3] {
        let in_use = self.of("connections", store, " state=in_use");
        [in_use, self.of("connections", store, " state=idle"), self.of("waiting", store, "")]
    }

    async fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let waited = async {
            while !done(self) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waited).await.is_ok(), "{what}: {:?}", self.seen);
    }
}

fn loads(store: &AnyStore, count: u8) -> tokio::task::JoinSet<bool> {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        let store = store.clone();
        let load = async move { store.load(&StoreKey::from_bytes([number; 32]), SystemClock.now()).await.is_ok() };
        tasks.spawn(load);
    }
    tasks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_tell_their_connections_and_the_callers_that_wait() {
    let recorder = DebuggingRecorder::new();
    let mut numbers = Numbers { snapshotter: recorder.snapshotter(), seen: BTreeMap::new() };
    recorder.install().unwrap();
    meter::describe();

    // All 16 connections wait for a lock, and four callers for a connection.
    let server = Postgres::start();
    let limits = "options=-c%20lock_timeout%3D60s%20-c%20statement_timeout%3D60s";
    let store = connect(&format!("{}?{limits}", server.url())).await.unwrap();
    let (admin, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute("BEGIN; LOCK TABLE cloakroom_sessions IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let tasks = loads(&store, 20);
    // The connection that made the table is in a second pool, and idle.
    numbers.until("a full pool", |numbers| numbers.connections("postgres") == [16.0, 1.0, 4.0]).await;
    let (key, now) = (StoreKey::from_bytes([99; 32]), SystemClock.now());
    assert!(tokio::time::timeout(Duration::from_millis(50), store.load(&key, now)).await.is_err());
    assert_eq!(numbers.of("wait_seconds", "postgres", " outcome=none"), 1.0);
    let before = numbers.of("wait_seconds", "postgres", " outcome=ok");
    admin.batch_execute("COMMIT").await.unwrap();
    assert!(tasks.join_all().await.into_iter().all(|done| done));
    numbers.until("all have come back", |numbers| numbers.connections("postgres") == [0.0, 17.0, 0.0]).await;
    assert_eq!(numbers.of("wait_seconds", "postgres", " outcome=ok"), before + 4.0);
    drop(store);
    numbers.until("the pool is gone", |numbers| numbers.connections("postgres") == [0.0; 3]).await;

    let server = MariaDb::start();
    let store = connect(&server.url()).await.unwrap();
    assert!(loads(&store, 40).join_all().await.into_iter().all(|done| done));
    numbers
        .until("all have come back", |numbers| {
            let [in_use, idle, waiting] = numbers.connections("mysql");
            in_use == 0.0 && (1.0..=16.0).contains(&idle) && waiting == 0.0
        })
        .await;
    assert!(numbers.of("wait_seconds", "mysql", " outcome=ok") >= 40.0);

    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?readers=2", folder.path().join("sessions.db").display());
    let store = connect(&url).await.unwrap();
    let before = numbers.of("wait_seconds", "sqlite", " outcome=ok");
    assert!(loads(&store, 40).join_all().await.into_iter().all(|done| done));
    numbers.until("the threads are idle", |numbers| numbers.connections("sqlite") == [0.0, 3.0, 0.0]).await;
    assert_eq!(numbers.of("wait_seconds", "sqlite", " outcome=ok"), before + 40.0);
    drop(store);
    numbers.until("the threads are gone", |numbers| numbers.connections("sqlite") == [0.0; 3]).await;
}
