//! A server that is killed, and one that hangs.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::Proxy;
use cloakroom_servers::redis::Redis;
use cloakroom_store::store::{Loaded, Replaced, Store as _, conformance::nth, end_all_before};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::bench::{
    LIFE, clock, entry, finished, first, key, name, nothing_is_lost, now, put, summary, time_until_it_answers,
    write_until,
};

const WRITERS: usize = 16;
const CALLS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_server_keeps_acknowledged_writes() {
    let mut server = Redis::start();
    let store = Arc::new(RedisStore::connect(&server.url()).await.unwrap());
    let end = clock() + Duration::from_secs(6);
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write_until(Arc::clone(&store), end))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let restart = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    });
    let recovery = time_until_it_answers(&store, &key()).await;
    let server = restart.await.unwrap();
    let all = finished(writers).await;
    nothing_is_lost(&store, &all).await;
    let gap = all.iter().map(|written| written.longest_gap).max().unwrap();
    println!(
        "kill -9: {}; {recovery:?} from the restart to an answer, {gap:?} at most between two writes",
        summary(&all)
    );
    assert!(recovery < Duration::from_secs(5), "{recovery:?}");
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hanging_server_causes_timely_errors_only() {
    let server = Redis::start();
    let store = Arc::new(RedisStore::connect(&server.url()).await.unwrap());
    let session = put(&store, &entry("text")).await;
    server.freeze(true);
    let calls: Vec<_> = (0..CALLS)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let start = clock();
                let error = match number % 2 {
                    0 => store.load(&session, now()).await.unwrap_err(),
                    _ => store.create(&key(), &entry("text"), now()).await.unwrap_err(),
                };
                assert!(error.is_timed_out(), "{error}");
                start.elapsed()
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for call in calls {
        slowest = slowest.max(call.await.unwrap());
    }
    assert!(slowest < Duration::from_millis(1_900), "{slowest:?}");
    server.freeze(false);
    let recovery = time_until_it_answers(&store, &session).await;
    assert!(recovery < Duration::from_secs(3), "{recovery:?}");
    assert!(matches!(store.load(&session, now()).await.unwrap(), Loaded::Live(..)));
    // The store's connection, and that of the client asking.
    let clients = server.cli(&["INFO", "clients"]);
    let connections: usize =
        clients.lines().find_map(|line| line.strip_prefix("connected_clients:")).unwrap().parse().unwrap();
    println!(
        "SIGSTOP: {CALLS} calls ended with an error within {slowest:?}; an answer {recovery:?} after SIGCONT, {connections} connections"
    );
    assert!(connections <= 2, "{clients}");
}

/// A server without free memory rejects a write before anything was changed.
#[tokio::test]
async fn a_full_server_rejects_writes_and_keeps_its_sessions() {
    let server = Redis::with(&["--maxmemory-policy", "noeviction"]);
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let owned = entry("text").owner(Some("user".to_owned()));
    let (kept, ended) = (put(&store, &owned).await, put(&store, &entry("text")).await);
    assert_eq!(server.cli(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    let before = (server.cli(&["DUMP", &name(&kept)]), server.cli(&["DBSIZE"]));
    let (large, until, new) = ("x".repeat(100_000), now() + Duration::from_secs(10), key());
    let longer = entry(&large).owner(Some("user".to_owned()));
    for (what, error) in [
        ("create", store.create(&new, &longer, now()).await.unwrap_err()),
        ("create without an owner", store.create(&new, &entry(&large), now()).await.unwrap_err()),
        ("replace", store.replace(&kept, first("text"), &longer, now()).await.unwrap_err()),
        ("replace without an owner", store.replace(&ended, first("text"), &entry(&large), now()).await.unwrap_err()),
        ("touch", store.touch(&kept, now(), Some(now() + LIFE + LIFE), now()).await.unwrap_err()),
        ("cycle", store.cycle(&kept, first("text"), &new, &longer, until, now()).await.unwrap_err()),
    ] {
        assert!(!error.is_corrupt() && !error.is_timed_out(), "{what}: {error}");
        assert_eq!((server.cli(&["DUMP", &name(&kept)]), server.cli(&["DBSIZE"])), before, "{what}");
    }
    assert_eq!(store.load(&kept, now()).await.unwrap(), Loaded::Live(first("text"), owned));
    assert!(store.end(&ended, now()).await.unwrap(), "signing out needs no memory");
}

/// A provider may move a name or an address to another machine. The old master continues as a
/// replica, with its existing connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demoted_master_is_left() {
    let (old, new) = (Redis::start(), Redis::start());
    let proxy = Proxy::to(old.port());
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}/", proxy.port())).await.unwrap();
    let session = put(&store, &entry("text")).await;
    let (host, of_old, of_new) = ("127.0.0.1", old.port().to_string(), new.port().to_string());
    let _ = new.cli(&["REPLICAOF", host, &of_old]);
    while new.cli(&["EXISTS", &name(&session)]) != "1" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _ = new.cli(&["REPLICAOF", "NO", "ONE"]);
    let _ = old.cli(&["REPLICAOF", host, &of_new]);
    proxy.lead_to(new.port());
    let refused = store.replace(&session, first("text"), &entry("newer"), now()).await.unwrap_err();
    assert!(refused.to_string().contains("READONLY"), "{refused}");
    // From here on the new master is used, even by concurrent writes.
    let writes = (0..CALLS).map(|_| {
        let store = Arc::new(store.clone());
        tokio::spawn(async move { put(&store, &entry("text")).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap();
    }
    let replaced = store.replace(&session, first("text"), &entry("newer"), now()).await.unwrap();
    assert_eq!(replaced, Replaced::Yes(nth(2, &entry("newer"))));
    assert_eq!(new.cli(&["DBSIZE"]), (CALLS + 1).to_string());
}

/// A connection whose server is killed and restarted before its fourth call, and which then
/// reconnects.
#[derive(Clone)]
struct Restarts(Arc<tokio::sync::Mutex<Restarting>>);

struct Restarting {
    server: Redis,
    connection: MultiplexedConnection,
    calls: usize,
}

async fn connection(server: &Redis) -> MultiplexedConnection {
    redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

impl ConnectionLike for Restarts {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let mut this = self.0.lock().await;
            this.calls += 1;
            if this.calls == 4 {
                this.server.kill();
                this.server.start_again();
                this.connection = connection(&this.server).await;
            }
            this.connection.req_packed_command(command).await
        })
    }

    fn req_packed_commands<'a>(&'a mut self, _: &'a Pipeline, _: usize, _: usize) -> RedisFuture<'a, Vec<Value>> {
        unreachable!("no call here uses a pipeline")
    }

    fn get_db(&self) -> i64 {
        0
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_while_all_sessions_are_ended_spares_none() {
    let server = Redis::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    for _ in 0..4_000 {
        put(&store, &entry("text")).await;
    }
    let restarting = Restarting { connection: connection(&server).await, server, calls: 0 };
    let restarts = Restarts(Arc::new(tokio::sync::Mutex::new(restarting)));
    let later = now() + Duration::from_secs(1);
    let ended = end_all_before(&RedisStore::from_connection(restarts.clone()), later, now()).await.unwrap();
    assert_eq!(ended, 4_000);
    assert_eq!(restarts.0.lock().await.server.cli(&["DBSIZE"]), "0");
}
