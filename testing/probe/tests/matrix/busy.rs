//! Servers with other users: locks, limits, and forgotten statements.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom::store::{Loaded, Store as _, StoreKey};
use cloakroom::{AnyStore, AtLimit, PostgresStore, Sessions, Timestamp};
use cloakroom_servers::scrambled;
use tokio::time::{sleep, timeout};

use crate::cell::{Bench, Cell, Ran, SOME};
use crate::load::{Load, add};
use crate::node::{Node, PATIENCE, key_of};
use crate::stores::{Family, Kind, Servers};

/// The number of sessions of one owner.
const HUGE: u64 = 2_000;

/// Returns the number of sessions of the huge owner; `CLOAKROOM_OWNED` sets it for measurements.
fn huge() -> u64 {
    std::env::var("CLOAKROOM_OWNED").ok().and_then(|owned| owned.parse().ok()).unwrap_or(HUGE)
}

/// Attempts for a step that a slow machine doesn't finish in time.
const TRIES: usize = 10;

/// The longest statement limit below which a busy machine may finish no statement at all.
const MOST_BUSY: Duration = Duration::from_secs(1);

/// The number of old rows.
const OLD_ROWS: usize = 60_000;

/// Another client holds a lock on one session, or on the whole SQLite file. All other requests
/// continue.
pub(crate) async fn locked_row(bench: &mut Bench) -> Cell {
    let victim = bench.nodes[0].begin().await.unwrap();
    // On SQLite every writer has to wait, so this is an ordinary outage.
    let load = Load::start(&if bench.kind == Kind::Sqlite { bench.nodes.clone() } else { bench.patient() }).await;
    load.until_done(SOME).await;
    let lock = Lock::of(bench, &victim);
    let (stop, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..4)
        .map(|number| {
            let (node, victim) = (Arc::clone(&bench.nodes[number % 2]), victim.clone());
            let (stop, failed) = (Arc::clone(&stop), Arc::clone(&failed));
            tokio::spawn(async move {
                let (mut next, mut acknowledged) = (number, 0);
                while !stop.load(Ordering::SeqCst) {
                    match node.visit(&victim, |session| add(session, next)).await {
                        Ok(_) => acknowledged += 1,
                        Err(_) => failed.store(true, Ordering::SeqCst),
                    }
                    next += 4;
                    sleep(Duration::from_millis(20)).await;
                }
                acknowledged
            })
        })
        .collect();
    let waits = async {
        while !failed.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waits).await.expect("the row is locked");
    if bench.kind == Kind::Sqlite {
        // Writes wait for the lock on the file; reads continue.
        load.until_failed(1).await;
        for node in &bench.nodes {
            node.request(&victim).await.unwrap();
        }
        drop(lock);
        stop.store(true, Ordering::SeqCst);
        return bench.goes_on(load).await;
    }
    load.until_done(4 * SOME).await;
    drop(lock);
    stop.store(true, Ordering::SeqCst);
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_failed();
    let mut acknowledged = 0;
    for writer in writers {
        acknowledged += writer.await.unwrap();
    }
    let there: Option<usize> = bench.nodes[1].found(&victim, |session| session.get("count")).await.flatten();
    ran.check(there.unwrap_or_default() >= acknowledged, || {
        format!("the locked session: {acknowledged} acknowledged, {there:?} there")
    });
    Cell::Ran(ran)
}

enum Lock {
    Server { _held: cloakroom_servers::Held },
    File(rusqlite::Connection),
}

impl Lock {
    fn of(bench: &Bench, cookie: &str) -> Self {
        let key: String = key_of(cookie).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let row = "SELECT 1 FROM cloakroom_sessions WHERE store_key =";
        match &bench.place.servers {
            Servers::Postgres(server, _) | Servers::Pooled(server, ..) => {
                Self::Server { _held: server.hold(&format!("{row} '\\x{key}' FOR UPDATE")) }
            }
            Servers::MariaDb(server, _) => Self::Server { _held: server.hold(&format!("{row} x'{key}' FOR UPDATE")) },
            Servers::Disk(_) => {
                let connection = rusqlite::Connection::open(bench.place.path()).unwrap();
                connection.busy_timeout(PATIENCE).unwrap();
                connection.execute_batch("BEGIN IMMEDIATE").unwrap();
                Self::File(connection)
            }
            Servers::None | Servers::Redis(_) | Servers::Sentinel(_) | Servers::Cluster(_) => panic!("no locks"),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Self::File(connection) = self {
            connection.execute_batch("ROLLBACK").unwrap();
        }
    }
}

/// The server accepts fewer connections than a pool wants.
pub(crate) async fn too_many(bench: &mut Bench) -> Cell {
    if bench.kind.is_redis() {
        return no_connection(bench).await;
    }
    // The pool of the second node would hold some of them.
    let [node, _] = bench.patient();
    let load = Load::start(&[Arc::clone(&node), node]).await;
    load.until_done(SOME).await;
    load.pause().await;
    limit_connections(bench, Some(3));
    drop_connections(bench).await;
    load.resume();
    load.until_done(4 * SOME).await;
    limit_connections(bench, None);
    load.until_done(SOME).await;
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_failed();
    Cell::Ran(ran)
}

fn limit_connections(bench: &Bench, limit: Option<usize>) {
    let limit = match bench.kind.family() {
        Family::MariaDb => format!("ALTER USER app WITH MAX_USER_CONNECTIONS {}", limit.unwrap_or(0)),
        Family::Postgres | Family::Embedded | Family::Redis => {
            format!("ALTER ROLE app CONNECTION LIMIT {}", limit.map_or(-1, |limit| i64::try_from(limit).unwrap()))
        }
    };
    bench.place.sql(&limit);
}

/// Closes the existing connections, so that only a few can be opened again.
async fn drop_connections(bench: &Bench) {
    let (end, count) = match bench.kind.family() {
        Family::MariaDb => ("KILL USER app", "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'"),
        Family::Postgres | Family::Embedded | Family::Redis => (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'",
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'",
        ),
    };
    let gone = async {
        loop {
            bench.place.sql(end);
            if bench.place.sql(count) == "0" {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("connections end");
    // The pool notices this only when it gets some CPU time.
    let wires = &bench.place.wires;
    let heard = async {
        while wires.iter().any(|wire| wire.open() > 0) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = timeout(Duration::from_secs(2), heard).await;
}

/// Redis needs only one connection, and that one is refused.
async fn no_connection(bench: &mut Bench) -> Cell {
    let talks: Vec<_> = bench.place.masters().into_iter().map(|server| std::sync::Mutex::new(server.talk())).collect();
    let say = |words: &str| {
        for talk in &talks {
            assert!(!talk.lock().unwrap().say(words).starts_with('-'), "{words}");
        }
    };
    bench
        .outage(
            |_| {
                say("CONFIG SET maxclients 1");
                say("CLIENT KILL TYPE normal");
            },
            |_| say("CONFIG SET maxclients 10000"),
        )
        .await
}

/// The server repeatedly forgets prepared statements.
pub(crate) async fn forgotten(bench: &mut Bench) -> Cell {
    if bench.kind == Kind::Postgres {
        return discarded(bench).await;
    }
    let load = Load::start(&bench.patient()).await;
    load.until_done(SOME).await;
    if let Servers::Pooled(_, bouncer, _) = &bench.place.servers {
        bouncer.set(&["server_reset_query = DISCARD ALL", "server_reset_query_always = 1"]);
        load.until_done(4 * SOME).await;
        bouncer.set(&[]);
    } else {
        for round in 0..8 {
            if bench.kind.is_redis() {
                bench.place.redis(&["SCRIPT", "FLUSH"]);
            } else {
                // A changed table invalidates the statements prepared for it.
                bench.place.sql(&format!("ALTER TABLE cloakroom_sessions COMMENT '{round}'; FLUSH TABLES"));
            }
            load.until_done(SOME / 2).await;
        }
    }
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_failed();
    Cell::Ran(ran)
}

/// The application shares its pool, and runs `DISCARD ALL` between two of our calls.
async fn discarded(bench: &mut Bench) -> Cell {
    let config = bench.place.url.parse().unwrap();
    let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(6).build().unwrap();
    let node = Node::over(AnyStore::new(PostgresStore::from_pool(pool.clone())));
    let load = Load::start(&[Arc::clone(&node), node]).await;
    load.until_done(SOME).await;
    for _ in 0..40 {
        pool.get().await.unwrap().batch_execute("DISCARD ALL").await.unwrap();
        load.until_done(4).await;
    }
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_failed();
    Cell::Ran(ran)
}

/// The server cancels statements that take longer than half the time it needs to delete all old
/// rows at once. Ending all old sessions must still complete, in steps.
pub(crate) async fn statement_limit(bench: &mut Bench) -> Cell {
    let node = Arc::clone(&bench.nodes[0]);
    let template = node.begin().await.unwrap();
    let key: String = key_of(&template).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let (key, random, numbers) = match bench.kind.family() {
        Family::MariaDb => (format!("x'{key}'"), "UNHEX(SHA2(seq, 256))", format!("seq_1_to_{OLD_ROWS}")),
        Family::Postgres | Family::Embedded | Family::Redis => {
            (format!("'\\x{key}'"), "sha256(seq::text::bytea)", format!("generate_series(1, {OLD_ROWS}) seq"))
        }
    };
    let rows = format!(
        "INSERT INTO cloakroom_sessions (store_key, version, record, created, touched, deadline) \
         SELECT {random}, version, record, 1000, touched, deadline FROM cloakroom_sessions, {numbers} WHERE store_key = {key}"
    );
    bench.place.sql(&rows);
    let timed = |statements: &str| {
        let asking = tokio::time::Instant::now();
        bench.place.sql(statements);
        asking.elapsed()
    };
    let whole = timed("BEGIN; DELETE FROM cloakroom_sessions WHERE created = 1000; ROLLBACK");
    let mut limit = (whole.saturating_sub(timed("SELECT 1")) / 2).max(Duration::from_millis(30));
    limit_statements(bench, Some(limit));
    drop_connections(bench).await;
    let left =
        || bench.place.sql("SELECT COUNT(*) FROM cloakroom_sessions WHERE created = 1000").parse::<usize>().unwrap();
    let sessions = Sessions::new(Arc::clone(&node.sessions));
    let (mut before, mut calls, mut stuck) = (left(), 0, 0);
    let mut why = String::new();
    while before > 0 && stuck < TRIES {
        calls += 1;
        if let Err(error) = sessions.end_everyone_before(Timestamp::from_unix_secs(1_000_000)).await {
            why = crate::load::said(&error);
        }
        let now = left();
        stuck = if now < before { 0 } else { stuck + 1 };
        before = now;
        // On a busy machine the first statement of a new connection alone may take this long.
        if stuck == TRIES && limit < MOST_BUSY {
            (limit, stuck) = (4 * limit, 0);
            limit_statements(bench, Some(limit));
            drop_connections(bench).await;
        }
    }
    limit_statements(bench, None);
    drop_connections(bench).await;
    bench.place.sql("DELETE FROM cloakroom_sessions WHERE created = 1000");
    let load = Load::start(&bench.nodes).await;
    load.until_done(SOME).await;
    let mut ran = Ran::of(load.stop().await, None);
    ran.check(before == 0, || {
        format!(
            "{before} of {OLD_ROWS} are left, and further calls don't remove any; at most {limit:?} a statement: {why}"
        )
    });
    ran.check(node.opens(&template).await, || "a newer session has ended too".to_owned());
    Cell::Ran(ran.noted(format_args!("{OLD_ROWS} ended in {calls} calls, at most {limit:?} a statement")))
}

fn limit_statements(bench: &Bench, limit: Option<Duration>) {
    let statement = match bench.kind.family() {
        Family::MariaDb => format!("SET GLOBAL max_statement_time = {}", limit.unwrap_or_default().as_secs_f64()),
        Family::Postgres | Family::Embedded | Family::Redis => {
            format!("ALTER ROLE app SET statement_timeout = {}", limit.unwrap_or_default().as_millis())
        }
    };
    bench.place.sql(&statement);
}

/// One owner has thousands of sessions, signs in once more, and then ends them all. Other sessions
/// are unaffected.
pub(crate) async fn huge_owner(bench: &mut Bench) -> Cell {
    let (owner, count) = (format!("huge {}", bench.seed), huge());
    let few = Node::with(bench.nodes[0].store.clone(), |sessions| sessions.owner_limit(10, AtLimit::EndOldest));
    let first = bench.nodes[0].sign_in(&owner).await.unwrap();
    let store = &bench.nodes[0].store;
    let now = few.now();
    let Loaded::Live(_, entry) = store.load(&key_of(&first), now).await.unwrap() else { panic!("just begun") };
    let filling: Vec<_> = (0..16)
        .map(|part| {
            let (store, entry, seed) = (store.clone(), entry.clone(), bench.seed);
            tokio::spawn(async move {
                for number in (part..count).step_by(16) {
                    let mut bytes = [7; 32];
                    for (place, half) in bytes.chunks_exact_mut(8).zip(0..) {
                        place.copy_from_slice(&scrambled(scrambled(seed) ^ (4 * number + half)).to_be_bytes());
                    }
                    // On a timeout of a busy machine the entry may already exist; the retry accepts
                    // that.
                    while store.create(&StoreKey::from_bytes(bytes), &entry, now).await.is_err() {
                        sleep(Duration::from_millis(20)).await;
                    }
                }
            })
        })
        .collect();
    for part in filling {
        part.await.unwrap();
    }
    let load = Load::start(&bench.patient()).await;
    load.until_done(SOME).await;
    let signing = tokio::time::Instant::now();
    // No step is unbounded, even on a slow machine, and each attempt continues where the last one
    // stopped.
    let (mut signed_ins, mut newest) = (0, None);
    while newest.is_none() && signed_ins < TRIES {
        signed_ins += 1;
        newest = few.sign_in(&owner).await.ok();
    }
    let signed_in = signing.elapsed();
    let sessions = Sessions::new(Arc::clone(&few.sessions));
    let opened = match &newest {
        Some(cookie) => few.opens(cookie).await,
        None => false,
    };
    let mut ends = 1;
    while sessions.end_all(&owner).await.is_err() && ends < TRIES {
        ends += 1;
    }
    let left = sessions.list(&owner).await.map(|left| left.len());
    load.until_done(SOME).await;
    let mut ran = Ran::of(load.stop().await, None);
    ran.nobody_failed();
    ran.check(opened, || format!("the owner isn't signed in after {signed_ins} tries"));
    ran.check(matches!(left, Ok(0)), || format!("sessions of the owner that are left: {left:?}"));
    Cell::Ran(ran.noted(format_args!(
        "signed in after {signed_in:?}, {signed_ins} tries, ended in {ends} tries, {count} sessions"
    )))
}
