//! Answers that are lost: the call is repeated, and takes effect only once.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::redis::Redis;
use cloakroom_store::store::{Created, Loaded, Replaced, Store as _, conformance::nth};

use crate::bench::{entry, key, now, put};

/// A proxy that drops an answer and then closes the connection.
struct Thief {
    port: u16,
    armed: Arc<AtomicBool>,
}

impl Thief {
    fn before(server: &Redis) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (port, server) = (listener.local_addr().unwrap().port(), server.port());
        let armed = Arc::<AtomicBool>::default();
        let is_armed = Arc::clone(&armed);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                carry(from, to, || false);
                let armed = Arc::clone(&is_armed);
                carry(server, client, move || armed.swap(false, Ordering::SeqCst));
            }
        });
        Self { port, armed }
    }

    /// Drops the next answer.
    fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    fn has_stolen(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, steals: impl Fn() -> bool + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if steals() || to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_with_a_lost_answer_is_applied_once_and_succeeds() {
    for (what, server) in [("redis", Redis::start()), ("valkey", Redis::valkey(&[]))] {
        let thief = Thief::before(&server);
        let store = RedisStore::connect(&format!("redis://127.0.0.1:{}/?timeout=30000", thief.port)).await.unwrap();
        let owned = entry("mine").owner(Some("user".to_owned()));
        // From the second round on every script is known, so the first call of a step is the one
        // whose answer is lost.
        for round in 0..2 {
            for (row, entry, other) in [
                ("without an owner", entry("text"), entry("other")),
                ("owned", owned.clone(), owned.clone().with_text("other")),
            ] {
                let what = format!("{what}, {row}, round {round}");
                let lose = || {
                    assert!(thief.has_stolen(), "{what}");
                    if round > 0 {
                        thief.arm();
                    }
                };
                let (one, two) = (key(), key());
                lose();
                let created = store.create(&one, &entry, now()).await.unwrap();
                assert_eq!(created, Created::Yes(nth(1, &entry)), "{what}: create");
                let Loaded::Live(seen, _) = store.load(&one, now()).await.unwrap() else { panic!("{what}") };
                lose();
                let replaced = store.replace(&one, seen, &other, now()).await.unwrap();
                assert_eq!(replaced, Replaced::Yes(nth(2, &other)), "{what}: replace");
                assert_eq!(
                    store.load(&one, now()).await.unwrap(),
                    Loaded::Live(nth(2, &other), other.clone()),
                    "{what}: replace"
                );
                lose();
                let until = now() + Duration::from_secs(10);
                let cycled = store.cycle(&one, nth(2, &other), &two, &entry, until, now()).await.unwrap();
                assert_eq!(cycled, Replaced::Yes(nth(1, &entry)), "{what}: cycle");
                assert_eq!(store.load(&one, now()).await.unwrap(), Loaded::Moved, "{what}: cycle");
                lose();
                // The repeated call may return `false`, but the session has ended.
                store.end(&one, now()).await.unwrap();
                assert_eq!(store.load(&two, now()).await.unwrap(), Loaded::Absent, "{what}: end");
            }
        }
    }
}

/// If another write of the same kind came in between, the repeated call is a conflict, and nothing
/// is overwritten.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_write_in_between_is_a_conflict() {
    for server in [Redis::start(), Redis::valkey(&[])] {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let session = put(&store, &entry("text")).await;
        let replaced = store.replace(&session, nth(1, &entry("text")), &entry("one"), now()).await.unwrap();
        assert_eq!(replaced, Replaced::Yes(nth(2, &entry("one"))));
        for other in ["two", "three"] {
            let replaced = store.replace(&session, nth(1, &entry("text")), &entry(other), now()).await.unwrap();
            assert_eq!(replaced, Replaced::Conflict, "{other}");
            assert_eq!(store.create(&session, &entry(other), now()).await.unwrap(), Created::Taken, "{other}");
        }
    }
}
