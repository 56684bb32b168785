//! Many sessions, of one owner and of all owners. They are read and ended page by page.
//!
//! `CLOAKROOM_ROWS` sets the number of sessions and `CLOAKROOM_OWNED` the number of one owner's,
//! for measurements; the figures are printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_session::Timestamp;
use cloakroom_sql::{MysqlStore, PostgresStore, SqliteStore};
use cloakroom_store::store::{Created, Entry, Loaded, Replaced, Store, end_all_before};
use mysql_async::prelude::Queryable as _;
use tokio::time::Instant;

use crate::common::{LATER, NOW, key};
use crate::cost::room_for;
use crate::postgres::client;

/// The inserted sessions were created within a thousand seconds before this time.
const POINT: Timestamp = NOW;

/// The most sessions that one step may end.
const STEP: usize = 2_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}

fn rows() -> u64 {
    number("CLOAKROOM_ROWS", 5_000)
}

fn before(seconds: u64) -> Timestamp {
    Timestamp::from_unix_secs(1_700_000_000 - seconds)
}

fn of(owner: &str, created: Timestamp) -> Entry {
    Entry::new("{}".into(), created, created, Some(LATER)).owner(Some(owner.to_owned()))
}

/// Moves a session to a new key repeatedly until it is gone. Returns the number of moves.
async fn flees<S: Store>(store: S, number: u64) -> u64 {
    let entry = of("fugitive", before(number + 1));
    let (first, mut moves) = (1_000_000 * (number + 1), 0);
    let Created::Yes(mut seen) = store.create(&key(first), &entry, NOW).await.unwrap() else { panic!("taken") };
    loop {
        let (old, new) = (key(first + moves), key(first + moves + 1));
        match store.cycle(&old, seen, &new, &entry, LATER, NOW).await.unwrap() {
            Replaced::Yes(version) => (seen, moves) = (version, moves + 1),
            Replaced::Conflict => panic!("no other task writes it"),
            Replaced::Gone => return moves,
        }
    }
}

/// Creates, loads and ends sessions that the walk must not end, until told to stop. Returns the
/// longest time that one round took.
async fn works<S: Store>(store: S, number: u64, goes_on: Arc<AtomicBool>, done: Arc<AtomicU64>) -> Duration {
    let (key, entry, mut longest) = (key(u64::MAX - number), of("worker", POINT), Duration::ZERO);
    while goes_on.load(Ordering::Relaxed) {
        let begun = Instant::now();
        assert!(matches!(store.create(&key, &entry, NOW).await.unwrap(), Created::Yes(_)));
        longest = longest.max(begun.elapsed());
        assert!(
            matches!(store.load(&key, NOW).await.unwrap(), Loaded::Live(..)),
            "one that was created later was ended"
        );
        assert!(store.end(&key, NOW).await.unwrap());
        done.fetch_add(1, Ordering::Relaxed);
    }
    longest
}

/// Ends all sessions step by step, while some move and others are created and ended through
/// `requests`. Only the walk continues after a server's limit on statements, which a request may
/// meet on a busy machine.
async fn everybody_is_ended<S: Store + Clone>(name: &str, store: S, requests: S, count: u64) {
    let (goes_on, worked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let fleeing: Vec<_> = (0..4).map(|number| tokio::spawn(flees(requests.clone(), number))).collect();
    let working = (0..2).map(|number| tokio::spawn(works(requests.clone(), number, goes_on.clone(), worked.clone())));
    let working: Vec<_> = working.collect();
    // All tasks are running.
    while store.count_owned("fugitive", usize::MAX, NOW).await.unwrap() < 4 || worked.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    let (begun, mut total, mut steps, mut longest, mut after) = (Instant::now(), 0, 0, Duration::ZERO, None);
    loop {
        let step = Instant::now();
        let page = store.end_before(POINT, after.as_ref(), NOW).await.unwrap();
        longest = longest.max(step.elapsed());
        assert!(page.count <= STEP, "{name}: {} in one step", page.count);
        (total, steps, after) = (total + page.count as u64, steps + 1, page.next);
        if after.is_none() {
            break;
        }
    }
    println!("{name}: {total} ended in {:?}, {steps} steps, the longest {longest:?}", begun.elapsed());
    assert_eq!(total, count + 4, "{name}");
    for fled in fleeing {
        println!("{name}: one moved {} times and was ended", fled.await.unwrap());
    }
    goes_on.store(false, Ordering::Relaxed);
    for worked in working {
        println!("{name}: a write next to it took {:?} at most", worked.await.unwrap());
    }
    println!("{name}: {} creates, loads and ends next to it", worked.load(Ordering::Relaxed));
    assert_eq!(store.end_before(POINT, None, NOW).await.unwrap().count, 0, "{name}");
    let foreign = cloakroom_store::store::Cursor::new("of another store");
    store.end_before(POINT, Some(&foreign), NOW).await.unwrap_err();
}

/// The sessions of one owner are listed, counted and ended in steps, oldest first.
async fn an_owner<S: Store>(name: &str, store: &S, count: u64) {
    // The inserted sessions have different owners; these share one with a long name.
    let owner = "ö".repeat(500);
    for number in 0..count {
        let created = before(10 + number % 50);
        store.create(&key(7_000_000 + number), &of(&owner, created), NOW).await.unwrap();
    }
    let look_alike = format!("{owner}!");
    store.create(&key(1), &of(&look_alike, NOW), NOW).await.unwrap();
    let begun = Instant::now();
    assert_eq!(store.count_owned(&owner, usize::MAX, NOW).await.unwrap() as u64, count, "{name}");
    println!("{name}: {count} counted in {:?}", begun.elapsed());
    let (mut all, mut after, begun) = (Vec::new(), None, Instant::now());
    loop {
        let page = store.owned(&owner, after.as_ref(), 30, NOW).await.unwrap();
        assert!(page.sessions.len() <= 30, "{name}");
        all.extend(page.sessions);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    println!("{name}: {count} listed in {:?}", begun.elapsed());
    assert_eq!(all.len() as u64, count, "{name}");
    assert!(all.is_sorted_by_key(|owned| (owned.entry.created, owned.key)), "{name}");
    let kept = all[3].key;
    let step = store.end_owned(&owner, Some(&kept), 5, NOW).await.unwrap();
    assert_eq!((step.count, step.more), (5, true), "{name}");
    // The oldest ones have ended, except the one to keep.
    for (place, owned) in all.iter().take(10).enumerate() {
        let lives = matches!(store.load(&owned.key, NOW).await.unwrap(), Loaded::Live(..));
        assert_eq!(lives, place == 3 || place > 5, "{name}: {place}");
    }
    let (begun, mut total) = (Instant::now(), 5);
    loop {
        let step = store.end_owned(&owner, Some(&kept), 100, NOW).await.unwrap();
        total += step.count as u64;
        if !step.more {
            break;
        }
    }
    println!("{name}: {total} ended in {:?}", begun.elapsed());
    assert_eq!(total, count - 1, "{name}");
    assert_eq!(store.count_owned(&owner, usize::MAX, NOW).await.unwrap(), 1, "{name}");
    assert_eq!(store.end_owned(&owner, None, 100, NOW).await.unwrap().count, 1, "{name}");
    assert_eq!(store.count_owned(&look_alike, usize::MAX, NOW).await.unwrap(), 1, "{name}: a look-alike");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowds_on_postgresql() {
    let server = Postgres::start();
    // Below the limit of a cautious hosting provider.
    let url = format!("{}?options=-c%20statement_timeout%3D500", server.url());
    let store = PostgresStore::connect(&url).unwrap();
    store.migrate().await.unwrap();
    let (client, count) = (client(&server.url()).await, rows());
    let created = format!("{} - 10 - n % 1000000", NOW.unix_millis());
    let fill = format!(
        "INSERT INTO cloakroom_sessions (store_key, version, record, created, touched, deadline, owner, sweep_at) \
         SELECT sha256(n::text::bytea), 1, convert_to(repeat('x', 100), 'UTF8'), {created}, {created}, {later}, \
         n::text::bytea, {later} FROM generate_series(1, {count}) n",
        later = LATER.unix_millis(),
    );
    client.batch_execute(&fill).await.unwrap();
    an_owner("postgres", &store, number("CLOAKROOM_OWNED", 300)).await;
    let requests = PostgresStore::connect(&server.url()).unwrap();
    everybody_is_ended("postgres", store, requests, count).await;
}

/// The planner has neither statistics nor the option that our connections set, as behind a pooler.
/// Newer sessions have left dead rows.
#[tokio::test]
async fn a_walk_without_statistics_reads_each_row_a_few_times() {
    const ROWS: i64 = 100_000;
    let server = Postgres::start();
    let store = PostgresStore::connect(&format!("{}?options=-c%20enable_bitmapscan%3Don", server.url())).unwrap();
    store.migrate().await.unwrap();
    let client = client(&server.url()).await;
    let insert = |rows: i64, key: &str, created: &str| {
        format!(
            "INSERT INTO cloakroom_sessions (store_key, version, record, created, touched, deadline, sweep_at) \
             SELECT sha256(({key})::text::bytea), 1, convert_to(repeat('x', 100), 'UTF8'), {created}, 0, {later}, {later} \
             FROM generate_series(1, {rows}) n",
            later = LATER.unix_millis(),
        )
    };
    let later = LATER.unix_millis().to_string();
    client.batch_execute("ALTER TABLE cloakroom_sessions SET (autovacuum_enabled = false)").await.unwrap();
    client.batch_execute(&insert(ROWS, "n", "n % 1000")).await.unwrap();
    client.batch_execute(&format!("BEGIN; {}; ROLLBACK", insert(2 * ROWS, "-n", &later))).await.unwrap();
    assert_eq!(end_all_before(&store, POINT, NOW).await.unwrap() as i64, ROWS);
    // Its connections report their counts when they are closed.
    drop(store);
    let counts = "SELECT n_tup_del, (seq_tup_read + idx_tup_fetch + (SELECT sum(idx_tup_read)::BIGINT FROM \
                  pg_stat_user_indexes WHERE indexrelname = 'cloakroom_sessions_created')) FROM pg_stat_user_tables \
                  WHERE relname = 'cloakroom_sessions'";
    let read = loop {
        let row = client.query_one(counts, &[]).await.unwrap();
        if row.get::<_, i64>(0) >= ROWS {
            break row.get::<_, i64>(1);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    println!("postgres: {read} rows and entries read to end {ROWS}");
    // A row and its index entries, for the edge of a step, to find it and to end it.
    assert!(read < 6 * ROWS, "{read} rows and entries were read to end {ROWS}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowds_on_mysql() {
    let server = MariaDb::start();
    let store = MysqlStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let mut client = mysql_async::Conn::new(mysql_async::Opts::from_url(&server.url()).unwrap()).await.unwrap();
    let count = rows();
    let created = format!("{} - 10 - seq % 1000000", NOW.unix_millis());
    let fill = format!(
        "INSERT INTO cloakroom_sessions (store_key, version, record, created, touched, deadline, owner, sweep_at) \
         SELECT UNHEX(SHA2(seq, 256)), 1, REPEAT('x', 100), {created}, {created}, {later}, seq, {later} \
         FROM seq_1_to_{count}",
        later = LATER.unix_millis(),
    );
    room_for(count, &mut client).await;
    client.query_drop(fill).await.unwrap();
    an_owner("mysql", &store, number("CLOAKROOM_OWNED", 300)).await;
    everybody_is_ended("mysql", store.clone(), store, count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowds_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path).unwrap();
    let count = rows();
    let created = format!("{} - 10 - n % 1000000", NOW.unix_millis());
    let fill = format!(
        "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) \
         INSERT INTO cloakroom_sessions (store_key, version, record, created, touched, deadline, owner, sweep_at) \
         SELECT randomblob(32), 1, '{text}', {created}, {created}, {later}, CAST(n AS TEXT), {later} FROM s",
        text = "x".repeat(100),
        later = LATER.unix_millis(),
    );
    let filling = rusqlite::Connection::open(&path).unwrap();
    filling.execute_batch(&format!("PRAGMA cache_size = -2000000; {fill}")).unwrap();
    drop(filling);
    an_owner("sqlite", &store, number("CLOAKROOM_OWNED", 300)).await;
    everybody_is_ended("sqlite", store.clone(), store, count).await;
}

/// More dead rows than a step may read lie before a live session: expired ones that no sweep has
/// deleted yet. A step that searched for live sessions would read them all.
async fn dead_rows_are_passed_in_steps<S: Store>(name: &str, store: &S, dead: u64, step: u64) {
    store.create(&key(9_000_000), &of("live", before(1)), NOW).await.unwrap();
    let (mut ended, mut steps, mut after) = (0, 0, None);
    loop {
        let page = store.end_before(POINT, after.as_ref(), NOW).await.unwrap();
        (ended, steps, after) = (ended + page.count, steps + 1, page.next);
        if after.is_none() {
            break;
        }
    }
    println!("{name}: {dead} dead rows were passed in {steps} steps");
    assert_eq!(ended, 1, "{name}");
    assert!(steps > dead / step, "{name}: {steps} steps for {dead} dead rows");
    assert!(steps < 4 * dead / step, "{name}: {steps} steps for {dead} dead rows");
}

/// The columns of an expired session with the number `{n}`, created a millisecond after the one
/// before it.
fn dead(key: &str, number: &str, text: &str) -> String {
    let created = before(1_000).unix_millis();
    format!(
        "INSERT INTO cloakroom_sessions (store_key, version, record, created, touched, deadline, sweep_at) \
         SELECT {key}, 1, {text}, {created} + {number}, 0, 1, 1"
    )
}

#[tokio::test]
async fn steps_on_postgresql_pass_dead_rows() {
    let server = Postgres::start();
    let store = PostgresStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let insert = dead("sha256(n::text::bytea)", "n", "'x'");
    let client = client(&server.url()).await;
    client.batch_execute(&format!("{insert} FROM generate_series(1, 9000) n")).await.unwrap();
    dead_rows_are_passed_in_steps("postgres", &store, 9_000, 2_000).await;
}

#[tokio::test]
async fn steps_on_mysql_pass_dead_rows() {
    let server = MariaDb::start();
    let store = MysqlStore::connect(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let mut client = mysql_async::Conn::new(mysql_async::Opts::from_url(&server.url()).unwrap()).await.unwrap();
    let insert = dead("UNHEX(SHA2(seq, 256))", "seq", "'x'");
    client.query_drop(format!("{insert} FROM seq_1_to_9000")).await.unwrap();
    dead_rows_are_passed_in_steps("mysql", &store, 9_000, 2_000).await;
}

#[tokio::test]
async fn steps_in_sqlite_pass_dead_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path).unwrap();
    let insert = dead("randomblob(32)", "n", "'x'");
    let numbers = "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 3000) SELECT n FROM s)";
    rusqlite::Connection::open(&path).unwrap().execute_batch(&format!("{insert} FROM {numbers}")).unwrap();
    dead_rows_are_passed_in_steps("sqlite", &store, 3_000, 500).await;
}
