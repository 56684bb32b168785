//! The cost of sessions on their servers.
//!
//! `CLOAKROOM_ROWS` sets the number of sessions for measurements; the figures are printed.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_sql::{MysqlStore, PostgresStore, SqliteStore};
use cloakroom_store::store::{Created, Entry, Loaded, Store};
use mysql_async::prelude::Queryable as _;
use tokio::time::Instant;

use crate::common::NOW;
use crate::postgres::client;

const IDLE: Duration = Duration::from_secs(20 * 60);

fn rows() -> u64 {
    std::env::var("CLOAKROOM_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(2_000)
}

/// Returns the key of the session with this number. Keys are spread over the whole range, like
/// hashes.
fn filled(number: u64) -> StoreKey {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&(number.wrapping_mul(2_654_435_761) as u32).to_be_bytes());
    bytes[4..8].copy_from_slice(&(number as u32).to_be_bytes());
    StoreKey::from_bytes(bytes)
}

/// Runs a step for each number in sixteen tasks. Returns the time taken.
async fn each<F: Future<Output = ()> + Send + 'static>(
    count: u64,
    step: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Duration {
    let begun = Instant::now();
    let tasks = (0..16).map(|first| {
        let step = step.clone();
        tokio::spawn(async move {
            for number in (first..count).step_by(16) {
                step(number).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    begun.elapsed()
}

/// Creates sessions of 640 bytes that expire after [`IDLE`].
async fn fill<S: Store + Clone>(store: &S, count: u64) {
    let (store, text) = (store.clone(), std::sync::Arc::<str>::from("x".repeat(640)));
    let step = move |number| {
        let (store, text) = (store.clone(), text.clone());
        async move {
            let entry = Entry::new(text, NOW, NOW, Some(NOW + IDLE)).owner(Some(format!("owner {}", number / 3)));
            store.create(&filled(number), &entry, NOW).await.unwrap();
        }
    };
    println!("{count} created in {:?}", each(count, step).await);
}

/// Touches all sessions, in an order unrelated to their keys.
async fn touch_all<S: Store + Clone>(store: &S, count: u64, at: Timestamp) {
    let store = store.clone();
    let step = move |number: u64| {
        let (store, key) = (store.clone(), filled(number.wrapping_mul(7919) % count));
        async move { assert!(store.touch(&key, at, Some(at + IDLE), at).await.unwrap()) }
    };
    println!("{count} touches in {:?}", each(count, step).await);
}

/// Sweeps like the sweeper does. Returns the number of sessions deleted.
async fn sweep_all(store: &impl Store, at: Timestamp) -> usize {
    let (begun, mut total) = (Instant::now(), 0);
    loop {
        let swept = store.sweep(at, 500).await.unwrap();
        total += swept;
        if swept < 500 {
            println!("{total} swept in {:?}", begun.elapsed());
            return total;
        }
    }
}

/// The columns of the table that an index depends on: as a key, in an expression or in a condition.
const INDEXED: &str = "SELECT DISTINCT a.attname::TEXT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid \
    WHERE i.indrelid = 'cloakroom_sessions'::REGCLASS AND (a.attnum = ANY (i.indkey) OR EXISTS (SELECT FROM pg_depend d \
    WHERE d.classid = 'pg_class'::REGCLASS AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::REGCLASS \
    AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))";

/// The columns in which the first session differs from its copy in the table `before`.
const CHANGED: &str = "SELECT new.key::TEXT FROM cloakroom_sessions s JOIN before b USING (store_key), \
    jsonb_each(to_jsonb(s)) new JOIN jsonb_each(to_jsonb(b)) old USING (key) WHERE new.value <> old.value";

/// The number of the page of each session.
const PAGES: &str = "SELECT ((ctid::TEXT::POINT)[0])::BIGINT FROM cloakroom_sessions ORDER BY store_key";

/// PostgreSQL writes no index for an update (a heap-only tuple, HOT) if no indexed column changes
/// and the new version of the row is in the page of the old one. The test checks these two
/// conditions, and not the server's statistics, which arrive late. One touch runs at a time and
/// nothing else uses the server, so no snapshot keeps old versions of a row in its page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn touches_leave_the_indexes_of_postgresql_alone() {
    let server = Postgres::start_with(|_| ["autovacuum=off", "synchronous_commit=off"].map(str::to_owned).into());
    let client = client(&server.url()).await;
    let count = rows();
    let touches = count.min(2_000);
    let number = async |sql: &str| client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let store = PostgresStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    fill(&store, count).await;
    client.batch_execute("VACUUM ANALYZE cloakroom_sessions").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
    let names = async |sql: &str| {
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<BTreeSet<_>>()
    };
    let pages = async || {
        let rows = client.query(PAGES, &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>()
    };
    let copy = "CREATE TEMPORARY TABLE before AS SELECT * FROM cloakroom_sessions ORDER BY store_key LIMIT 1";
    client.batch_execute(copy).await.unwrap();
    let indexes = "SELECT pg_indexes_size('cloakroom_sessions')::BIGINT";
    let written = "SELECT (pg_current_wal_lsn() - '0/0')::BIGINT";
    let (size, wal, homes) = (number(indexes).await, number(written).await, pages().await);
    let minute = |minutes: u64| NOW + Duration::from_secs(60 * minutes);
    let begun = Instant::now();
    let mut moved = Vec::new();
    for round in 1..=3 {
        let at = minute(2 * round);
        for session in 0..touches {
            assert!(store.touch(&filled(session), at, Some(at + IDLE), at).await.unwrap());
        }
        moved.push(pages().await.iter().zip(&homes).filter(|(page, home)| page != home).count());
    }
    println!("{} touches one by one in {:?}", 3 * touches, begun.elapsed());
    let (changed, indexed) = (names(CHANGED).await, names(INDEXED).await);
    assert_eq!(changed.iter().map(String::as_str).collect::<Vec<_>>(), ["deadline", "touched"]);
    assert!(
        indexed.is_superset(&["store_key", "sweep_at", "created", "owner"].map(str::to_owned).into()),
        "{indexed:?}"
    );
    assert!(changed.is_disjoint(&indexed), "a touch changes {changed:?}, and indexes depend on {indexed:?}");
    assert_eq!(moved, [0; 3], "of {touches} sessions: rows in another page after each round, for lack of room");
    let (after, wal) = (number(indexes).await, number(written).await - wal);
    println!("postgres: {} bytes of WAL a touch; indexes {size} -> {after}", wal / (3 * touches as i64));
    assert_eq!(after, size, "bytes of all indexes");
    println!("postgres: table {}", number("SELECT pg_table_size('cloakroom_sessions')::BIGINT").await);
    assert_eq!(sweep_all(&store, minute(21)).await, (count - touches) as usize);
    println!("postgres: after a sweep that met all: indexes {}", number(indexes).await);
    assert_eq!(sweep_all(&store, minute(30)).await, touches as usize);
}

/// Thirty requests of one page, on as many nodes: only the first touch is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_touch_writes_nothing() {
    let server = Postgres::start();
    let client = client(&server.url()).await;
    let store = PostgresStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    fill(&store, 1).await;
    let version = async || {
        let row = client.query_one("SELECT ctid::TEXT, xmax::TEXT FROM cloakroom_sessions", &[]).await.unwrap();
        (row.get::<_, String>(0), row.get::<_, String>(1))
    };
    let touch = async |milliseconds: u64| {
        let at = NOW + Duration::from_millis(milliseconds);
        assert!(store.touch(&filled(0), at, Some(at + IDLE), at).await.unwrap());
        version().await
    };
    let first = touch(120_000).await;
    for later in 1..30 {
        assert_eq!(touch(120_000 + later).await, first, "{later} ms later");
    }
    assert_ne!(touch(121_000).await, first, "a second later");
    let shortly = NOW + Duration::from_millis(121_001);
    store.touch(&filled(0), shortly, None, shortly).await.unwrap();
    let deadline = client.query_one("SELECT deadline FROM cloakroom_sessions", &[]).await.unwrap();
    assert_eq!(deadline.get::<_, Option<i64>>(0), None, "for ever is always written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn touches_leave_the_indexes_of_mysql_alone() {
    let mut server = MariaDb::start();
    let opts = mysql_async::Opts::from_url(&server.url()).unwrap();
    let mut client = mysql_async::Conn::new(opts).await.unwrap();
    let _ = server.server();
    let count = rows();
    let store = MysqlStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    fill(&store, count).await;
    let status = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status WHERE variable_name = ";
    let mut written = async |name: &str| {
        let value: Option<i64> = client.query_first(format!("{status}'{name}'")).await.unwrap();
        value.unwrap()
    };
    let before = written("Innodb_os_log_written").await;
    for round in 1..=3 {
        touch_all(&store, count, NOW + Duration::from_secs(120 * round)).await;
    }
    let bytes = written("Innodb_os_log_written").await - before;
    println!("mysql: {} bytes of redo log a touch", bytes / (3 * count as i64));
    assert_eq!(sweep_all(&store, NOW + Duration::from_secs(21 * 60)).await, 0);
    assert_eq!(sweep_all(&store, NOW + Duration::from_secs(30 * 60)).await, count as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn touches_leave_the_indexes_of_sqlite_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let count = rows();
    let store = SqliteStore::open(&path).unwrap();
    fill(&store, count).await;
    let wal = || std::fs::metadata(folder.path().join("sessions.db-wal")).unwrap().len();
    // A long-lived reader prevents checkpoints, so that the size of each touch can be measured.
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); BEGIN; SELECT count(*) FROM cloakroom_sessions").unwrap();
    let (before, touches) = (wal(), count.min(2_000));
    touch_all(&store, touches, NOW + Duration::from_secs(120)).await;
    let bytes = (wal() - before) / touches;
    println!("sqlite: {bytes} bytes of -wal a touch");
    // One page and its header. With an index to update it was three.
    assert!(bytes < 2 * 4096, "{bytes}");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(sweep_all(&store, NOW + Duration::from_secs(21 * 60)).await, (count - touches) as usize);
    println!("sqlite: -wal {} after a sweep", wal());
    assert_eq!(sweep_all(&store, NOW + Duration::from_secs(30 * 60)).await, touches as usize);
}

/// Another process reads all the time, so that SQLite can never restart its `-wal`: the sweep
/// truncates it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wal_that_has_grown_is_cut_by_the_next_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path).unwrap();
    let large = Entry::new("x".repeat(7_000_000).into(), NOW, NOW, Some(NOW + IDLE));
    let wal = || std::fs::metadata(folder.path().join("sessions.db-wal")).unwrap().len();
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM cloakroom_sessions").unwrap();
    for number in 0..3 {
        store.create(&filled(number), &large, NOW).await.unwrap();
    }
    assert!(wal() > 16 * 1024 * 1024, "{}", wal());
    // The sweep doesn't wait for a long-lived reader and succeeds anyway.
    assert_eq!(store.sweep(NOW, 10).await.unwrap(), 0);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(store.sweep(NOW, 10).await.unwrap(), 0);
    assert_eq!(wal(), 0);
}

/// What an hour of traffic does to a large table, minute by minute.
#[derive(Clone, Copy)]
struct Traffic {
    count: u64,
    touches: u64,
    creates: u64,
}

impl Traffic {
    fn on(count: u64) -> Self {
        Self { count, touches: (count / 100).clamp(20, 10_000), creates: (count / 1_000).clamp(2, 2_000) }
    }

    /// The sessions that expire within the hour are those with the lowest numbers.
    fn expiring(self) -> u64 {
        60 * self.creates
    }

    /// The deadline of the session with the number `n`, as an expression of SQL.
    fn deadline(self) -> String {
        let (now, later) = (NOW.unix_millis(), (NOW + 6 * IDLE).unix_millis());
        let (expiring, creates) = (self.expiring(), self.creates);
        format!(
            "CASE WHEN n < {expiring} THEN {now} + 30000 + 60000 * ((n - n % {creates}) / {creates}) ELSE {later} END"
        )
    }

    /// The statement that inserts all sessions from a source of numbers `n`.
    ///
    /// `key` builds bytes from hexadecimal digits, `hex` the digits of eight places.
    fn fill(self, key: impl Fn(String) -> String, hex: impl Fn(&str) -> String, bytes: &str, numbers: &str) -> String {
        let (now, deadline, text) = (NOW.unix_millis(), self.deadline(), "x".repeat(300));
        let key = key([hex("(n * 2654435761) % 4294967296"), hex("n"), format!("'{}'", "0".repeat(48))].join(", "));
        format!(
            "INSERT INTO cloakroom_sessions (store_key, version, record, created, touched, deadline, owner, sweep_at) \
             SELECT {key}, 1, {bytes}, {now}, {now}, {deadline}, {owner}, {deadline} FROM {numbers}",
            bytes = bytes.replace('?', &format!("'{text}'")),
            owner = bytes.replace('?', "CONCAT('owner ', n - n % 3)"),
        )
    }

    /// Loads, touches, creates and sweeps for an hour of the clock that is passed in.
    ///
    /// Each minute the oldest sessions expire, and as many new ones are created.
    async fn run<S: Store + Clone>(self, name: &str, store: &S) {
        let Self { count, touches, creates } = self;
        let rest = count - self.expiring();
        let any = move |number: u64| filled(self.expiring() + number.wrapping_mul(2_654_435_761) % rest);
        let (loads, reader) = (count.min(20_000), store.clone());
        let load = move |number| {
            let (store, key) = (reader.clone(), any(number));
            async move { assert!(matches!(store.load(&key, NOW).await.unwrap(), Loaded::Live(..))) }
        };
        println!("{name}: {loads} loads in {:?}", each(loads, load).await);
        let (mut touching, mut creating, mut sweeping, mut swept) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
        for round in 1..=60 {
            let at = NOW + Duration::from_secs(60 * round);
            let toucher = store.clone();
            let touch = move |number: u64| {
                let (store, key) = (toucher.clone(), any(round * 7_919 + number));
                async move { assert!(store.touch(&key, at, Some(at + 6 * IDLE), at).await.unwrap()) }
            };
            touching += each(touches, touch).await;
            let creator = store.clone();
            let create = move |number: u64| {
                let (store, key) = (creator.clone(), filled(count + round * creates + number));
                let entry = Entry::new("x".repeat(300).into(), at, at, Some(at + 6 * IDLE));
                let entry = entry.owner(Some(format!("new {number}")));
                async move { assert!(matches!(store.create(&key, &entry, at).await.unwrap(), Created::Yes(_))) }
            };
            creating += each(creates, create).await;
            let begun = Instant::now();
            loop {
                let step = store.sweep(at, 500).await.unwrap() as u64;
                swept += step;
                if step < 500 {
                    break;
                }
            }
            sweeping += begun.elapsed();
        }
        println!("{name}: an hour: {} touches in {touching:?}", 60 * touches);
        println!("{name}: an hour: {} creates in {creating:?}", 60 * creates);
        println!("{name}: an hour: {swept} swept in {sweeping:?}");
        assert_eq!(swept, self.expiring(), "{name}: the sessions that expired, and no others");
    }
}

/// Gives a server with many sessions the memory that its administrator would give it.
pub(crate) async fn room_for(count: u64, client: &mut mysql_async::Conn) {
    if count > 1_000_000 {
        client.query_drop("SET GLOBAL innodb_buffer_pool_size = 4 * 1024 * 1024 * 1024").await.unwrap();
    }
}

/// A size may grow by a fifth within the hour. Small tables grow by whole pages.
fn assert_kept(name: &str, before: u64, after: u64) {
    println!("{name}: {before} -> {after} bytes");
    assert!(after < before * 6 / 5 + 4 * 1024 * 1024, "{name}: {before} -> {after} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_table_of_postgresql_keeps_its_size() {
    let server = Postgres::start();
    let (client, traffic) = (client(&server.url()).await, Traffic::on(rows()));
    let store = PostgresStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let sql = traffic.fill(
        |digits| format!("decode(concat({digits}), 'hex')"),
        |number| format!("lpad(to_hex({number}), 8, '0')"),
        "convert_to(?, 'UTF8')",
        &format!("generate_series(0::BIGINT, {}) n", traffic.count - 1),
    );
    let begun = Instant::now();
    client.batch_execute(&sql).await.unwrap();
    println!("postgres: {} inserted by one statement in {:?}", traffic.count, begun.elapsed());
    client.batch_execute("VACUUM ANALYZE cloakroom_sessions").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
    let sizes = async || {
        let sql = "SELECT pg_table_size('cloakroom_sessions')::BIGINT, pg_indexes_size('cloakroom_sessions')::BIGINT, \
                   (pg_current_wal_lsn() - '0/0')::BIGINT";
        let row = client.query_one(sql, &[]).await.unwrap();
        [0, 1, 2].map(|column| row.get::<_, i64>(column) as u64)
    };
    let [table, indexes, wal] = sizes().await;
    traffic.run("postgres", &store).await;
    let [grown, grown_indexes, wal_after] = sizes().await;
    println!("postgres: {} bytes of WAL in the hour", wal_after - wal);
    assert_kept("postgres: table", table, grown);
    assert_kept("postgres: indexes", indexes, grown_indexes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_table_of_mysql_keeps_its_size() {
    let server = MariaDb::start();
    let traffic = Traffic::on(rows());
    let store = MysqlStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let mut client = mysql_async::Conn::new(mysql_async::Opts::from_url(&server.url()).unwrap()).await.unwrap();
    let sql = traffic.fill(
        |digits| format!("UNHEX(CONCAT({digits}))"),
        |number| format!("LPAD(HEX({number}), 8, '0')"),
        "?",
        &format!("(SELECT seq AS n FROM seq_0_to_{}) numbers", traffic.count - 1),
    );
    let begun = Instant::now();
    room_for(traffic.count, &mut client).await;
    client.query_drop(sql).await.unwrap();
    println!("mysql: {} inserted by one statement in {:?}", traffic.count, begun.elapsed());
    let mut size = async || {
        client.query_drop("ANALYZE TABLE cloakroom_sessions").await.unwrap();
        let sql = "SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces WHERE name LIKE \
                   '%/cloakroom_sessions'";
        client.query_first::<Option<u64>, _>(sql).await.unwrap().flatten().unwrap()
    };
    let before = size().await;
    traffic.run("mysql", &store).await;
    assert_kept("mysql: file", before, size().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_table_of_sqlite_keeps_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let traffic = Traffic::on(rows());
    let store = SqliteStore::open(&path).unwrap();
    let numbers = format!(
        "(WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {}) SELECT n FROM s) numbers",
        traffic.count - 1
    );
    let sql = traffic.fill(
        |digits| format!("unhex(concat({digits}))"),
        |number| format!("printf('%08x', {number})"),
        "?",
        &numbers,
    );
    let begun = Instant::now();
    let filling = rusqlite::Connection::open(&path).unwrap();
    filling.execute_batch(&format!("PRAGMA cache_size = -2000000; {sql}")).unwrap();
    drop(filling);
    println!("sqlite: {} inserted by one statement in {:?}", traffic.count, begun.elapsed());
    let size = || std::fs::metadata(&path).unwrap().len();
    let before = size();
    traffic.run("sqlite", &store).await;
    assert_kept("sqlite: file", before, size());
}
