//! Requests to cancel or kill a statement affect no other statement.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_servers::{MariaDb, Postgres};
use cloakroom_sql::{MysqlStore, PostgresStore};
use cloakroom_store::store::{Loaded, Store as _};
use mysql_async::{Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::common::{NOW, entry, key};
use crate::postgres::client;

/// An upper bound that is never reached.
const PATIENCE: Duration = Duration::from_secs(40);

/// The network delay of a client's bytes: a client that closes at once does so before they arrive.
const ON_THE_WAY: Duration = Duration::from_millis(50);

/// The side that closed a connection first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Before the server received its last bytes.
    Client,
    Server,
}

type Sides = Arc<Mutex<Vec<Option<Side>>>>;

/// Forwards to a server, and records for each connection, in the order of opening, which side
/// closed it first.
async fn relay(server: u16) -> (u16, Sides) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sides = Sides::default();
    let notes = sides.clone();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            let number = notes.lock().unwrap().len();
            notes.lock().unwrap().push(None);
            let notes = notes.clone();
            tokio::spawn(async move {
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                let note = |side| *notes.lock().unwrap()[number].get_or_insert(side);
                tokio::join!(
                    carry(from_client, to_server, ON_THE_WAY, &note),
                    carry(from_server, to_client, Duration::ZERO, &note)
                );
            });
        }
    });
    (port, sides)
}

/// Forwards bytes with a delay until the stream ends.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, time: Duration, note: &impl Fn(Side) -> Side) {
    let mut bytes = vec![0; 8192];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if !time.is_zero() && matches!(timeout(time, from.peek(&mut [0])).await, Ok(Ok(0) | Err(_))) {
            note(Side::Client);
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
    note(Side::Server);
    let _ = to.shutdown().await;
}

/// PgBouncer 1.18 may crash if a client closes a cancel request before the server does.
async fn the_server_closes_first(server: &mut Postgres, extras: &str) {
    let (port, closed) = relay(server.server().port()).await;
    let direct = server.url();
    let url = direct.replace(&server.server().port().to_string(), &port.to_string());
    let store = PostgresStore::connect(&format!("{url}{extras}")).unwrap();
    store.create(&key(0), &entry("{}"), NOW).await.unwrap();
    let admin = client(&direct).await;
    admin.batch_execute("BEGIN; SELECT 1 FROM cloakroom_sessions FOR UPDATE").await.unwrap();
    let (seen, new) = (entry("{}").next_version(None), entry("new"));
    let replacing = async { store.replace(&key(0), seen.clone(), &new, NOW).await };
    timeout(Duration::from_millis(200), replacing).await.expect_err("the row is locked");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    // One connection for the statement and one to cancel it. Both end.
    let over = timeout(PATIENCE, async {
        loop {
            let sides = closed.lock().unwrap().clone();
            let waits = admin.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0;
            if !waits && sides.len() > 1 && sides.iter().all(Option::is_some) {
                return sides;
            }
            tokio::task::yield_now().await;
        }
    });
    let sides = over.await.unwrap_or_else(|_| panic!("{extras}: the statement goes on: {:?}", closed.lock()));
    assert_eq!(sides[1], Some(Side::Server), "{extras}");
    admin.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.load(&key(0), NOW).await.unwrap(), Loaded::Live(seen, entry("{}")), "{extras}");
    store.drop_table().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_to_cancel_wait_for_the_server() {
    let mut server = Postgres::start();
    PostgresStore::connect(&server.url()).unwrap().migrate().await.unwrap();
    the_server_closes_first(&mut server, "").await;
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_requests_to_cancel_wait_for_the_server() {
    let authority = cloakroom_servers::Authority::new();
    let mut server = Postgres::encrypted(&authority);
    PostgresStore::connect(&server.url()).unwrap().migrate().await.unwrap();
    let trusted = format!("?sslmode=require&sslrootcert={}", authority.certificate().display());
    the_server_closes_first(&mut server, &trusted).await;
}

/// Forwards to a server, and holds its answers after their first bytes while `flows` is false.
/// Notifies when it holds one.
async fn valve(server: u16, flows: watch::Receiver<bool>) -> (u16, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stopped = Arc::new(Notify::new());
    let tell = stopped.clone();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            let ((from_client, to_client), (mut from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::spawn(async move { carry(from_client, to_server, Duration::ZERO, &|side| side).await });
            let (mut flows, tell, mut to_client) = (flows.clone(), tell.clone(), to_client);
            tokio::spawn(async move {
                let mut bytes = vec![0; 8192];
                while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
                    if to_client.write_all(&bytes[..count]).await.is_err() {
                        break;
                    }
                    if !*flows.borrow() {
                        tell.notify_one();
                        flows.wait_for(|flows| *flows).await.unwrap();
                    }
                }
            });
        }
    });
    (port, stopped)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_left_amid_an_answer_is_not_lent_again() {
    let mut server = MariaDb::start();
    let (flow, flows) = watch::channel(true);
    let (port, stopped) = valve(server.server().port(), flows).await;
    let opts = Opts::from_url(&format!("mysql://root@127.0.0.1:{port}/test?prefer_socket=false")).unwrap();
    let only_one = PoolOpts::default().with_constraints(PoolConstraints::new(1, 1).unwrap());
    let pool = Pool::new(OptsBuilder::from_opts(opts).pool_opts(only_one.with_reset_connection(false)));
    let store = MysqlStore::from_pool(pool.clone());
    store.migrate().await.unwrap();
    store.create(&key(0), &entry(&"x".repeat(1_000_000)), NOW).await.unwrap();
    // The statement is prepared from here on: the next answer is a row.
    store.load(&key(0), NOW).await.unwrap();
    let number = async || pool.get_conn().await.unwrap().id();
    let before = number().await;
    flow.send(false).unwrap();
    {
        let wanted = key(0);
        let mut loading = pin!(store.load(&wanted, NOW));
        tokio::select! {
            _ = &mut loading => panic!("the rest is on its way"),
            () = stopped.notified() => {}
        }
        timeout(ON_THE_WAY, &mut loading).await.expect_err("the rest is on its way");
    }
    flow.send(true).unwrap();
    // A late kill request may still arrive: no other caller may get this connection.
    assert_ne!(number().await, before);
    assert!(matches!(store.load(&key(0), NOW).await.unwrap(), Loaded::Live(..)));
}
