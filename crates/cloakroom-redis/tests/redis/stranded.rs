//! A Cluster client that is left without any connection.
//!
//! A small server answers in place of a Cluster, so that the client reaches this state every time
//! and not only under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_servers::free_port;
use cloakroom_store::store::{Loaded, Store as _};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use crate::bench::{key, now};

/// The time limit of a step that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The number of times that the client sends a request.
const ATTEMPTS: usize = 5;

/// A server that says who has the slots, and stores nothing.
struct Lone {
    port: u16,
    /// The port that it names for all slots.
    owner: AtomicU16,
    /// `true` while it refuses requests, with an error after which a client asks for the slots.
    refuses: AtomicBool,
    /// Counts the requests that have arrived.
    arrived: Semaphore,
    /// Releases the refusals one by one.
    release: Semaphore,
    /// Counts the questions for the slots.
    asked: Semaphore,
    /// Counts the answers to it.
    told: Semaphore,
}

impl Lone {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let this = Arc::new(Self {
            port,
            owner: AtomicU16::new(port),
            refuses: AtomicBool::new(false),
            arrived: Semaphore::new(0),
            release: Semaphore::new(0),
            asked: Semaphore::new(0),
            told: Semaphore::new(0),
        });
        let server = Arc::clone(&this);
        drop(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(tokio::spawn(Arc::clone(&server).serve(stream)));
            }
        }));
        this
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let (read, mut write) = stream.into_split();
        let (commands, mut queue) = mpsc::unbounded_channel();
        let this = Arc::clone(&self);
        // Reads on while an answer is held back.
        drop(tokio::spawn(async move {
            let mut read = BufReader::new(read);
            while let Some(words) = command(&mut read).await {
                match words.first().map(String::as_str) {
                    Some("CLUSTER") => this.asked.add_permits(1),
                    Some("GET") => this.arrived.add_permits(1),
                    _ => {}
                }
                let _ = commands.send(words);
            }
        }));
        while let Some(words) = queue.recv().await {
            self.answer(&words, &mut write).await;
        }
    }

    async fn answer(&self, words: &[String], write: &mut OwnedWriteHalf) {
        let answer = match words.first().map(String::as_str) {
            Some("PING") => "+PONG\r\n".to_owned(),
            Some("CLIENT") => "+OK\r\n".to_owned(),
            Some("CLUSTER") => {
                let owner = self.owner.load(Ordering::SeqCst);
                format!("*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:{owner}\r\n$2\r\nid\r\n")
            }
            Some("GET") if self.refuses.load(Ordering::SeqCst) => {
                self.release.acquire().await.unwrap().forget();
                "-READONLY not the master\r\n".to_owned()
            }
            Some("GET") => "$-1\r\n".to_owned(),
            _ => "-ERR unknown command\r\n".to_owned(),
        };
        // The client may have left.
        let _ = write.write_all(answer.as_bytes()).await;
        if words.first().is_some_and(|word| word == "CLUSTER") {
            self.told.add_permits(1);
        }
    }
}

/// Reads a command; `None` at the end.
async fn command(read: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> Option<Vec<String>> {
    let mut line = String::new();
    let mut number = async |read: &mut BufReader<_>| {
        line.clear();
        read.read_line(&mut line).await.ok()?;
        line.get(1..)?.trim_end().parse::<usize>().ok()
    };
    let count = number(read).await?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut word = vec![0; number(read).await? + 2];
        read.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8_lossy(&word).trim_end().to_owned());
    }
    Some(words)
}

/// Waits until something has happened this many times more.
async fn taken(what: &str, events: &Semaphore, count: usize) {
    let taken = tokio::time::timeout(PATIENCE, events.acquire_many(u32::try_from(count).unwrap())).await;
    taken.unwrap_or_else(|_| panic!("waited for {what}")).unwrap().forget();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_without_any_connection_is_replaced() {
    let server = Lone::start().await;
    let url = format!("redis://127.0.0.1:{}/?protocol=resp2&timeout=30000", server.port);
    let store = Arc::new(RedisStore::connect_cluster(&[url]).await.unwrap());
    assert!(matches!(store.load(&key(), now()).await, Ok(Loaded::Absent)));
    taken("the first request", &server.arrived, 1).await;
    taken("the slots", &server.told, 1).await;
    taken("the question for the slots", &server.asked, 1).await;

    // The first request is refused until its attempts are used up. After the last refusal the
    // client asks for the slots, and learns that a server has them that is down. It drops its only
    // connection. The refusal of the second request makes it ask again, and it has no connection
    // for the question.
    server.refuses.store(true, Ordering::SeqCst);
    server.release.add_permits(ATTEMPTS - 1);
    let load = || {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.load(&key(), now()).await })
    };
    let first = load();
    taken("the last attempt", &server.arrived, ATTEMPTS).await;
    taken("the slots", &server.told, ATTEMPTS - 1).await;
    let second = load();
    taken("the second request", &server.arrived, 1).await;
    server.owner.store(free_port(), Ordering::SeqCst);
    server.release.add_permits(1);
    taken("the question for the slots", &server.asked, ATTEMPTS).await;
    server.release.add_permits(1);
    taken("the slots of the other server", &server.told, 1).await;
    assert!(first.await.unwrap().is_err());
    assert!(second.await.unwrap().is_err());

    // The slots are back where they were.
    server.refuses.store(false, Ordering::SeqCst);
    server.owner.store(server.port, Ordering::SeqCst);
    let loads = async {
        while store.load(&key(), now()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, loads).await.expect("the store works again");
}
