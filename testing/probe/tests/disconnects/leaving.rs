//! Visitors who sign out and disconnect before the response arrives: their sessions must have
//! ended.
//!
//! Each adapter serves these pages in the test's own process, on a separate runtime. The tests of
//! the examples include this file too.

#[path = "../../src/hooked.rs"]
mod hooked;

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, mpsc};
use std::time::Duration;

use cloakroom::store::StoreError;
use cloakroom::{AnyStore, CookieConfig, Error, MemoryStore, Session, StoredSessions};
use cloakroom_servers::{Delay, redis::Redis};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use hooked::{Call, Hook, Hooked};

/// Rounds on each adapter and store. `CLOAKROOM_DISCONNECTS` overrides this number.
const ROUNDS: u64 = 30;

/// The number of concurrent visitors.
const AT_A_TIME: usize = 16;

/// The delay of the store's answers.
const LATE: Duration = Duration::from_millis(100);

/// In milliseconds: how long the last visitor stays after the handler has ended its session. The
/// first one leaves at once.
const LONGEST: u64 = 200;

/// A generous timeout for busy machines. It expires only if something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// The handler notifies these senders, by visitor number, when it has ended a session.
static ENDED: LazyLock<Mutex<HashMap<u64, oneshot::Sender<()>>>> = LazyLock::new(Mutex::default);

/// Handles a request of any method.
pub(crate) fn page(session: &Session, path: &str) -> Result<String, Error> {
    let (page, visitor) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    match page {
        "begin" => session.insert("user", "ann")?,
        "user" => return Ok(session.get("user")?.unwrap_or_default()),
        "leave" => session.invalidate(),
        "leave-with-a-message" => {
            session.invalidate();
            session.flash("You are signed out.");
        }
        _ => panic!("{path}"),
    }
    if let Some(waiting) = ENDED.lock().unwrap().remove(&visitor.parse().unwrap_or_default()) {
        // If the receiver is gone, the test has failed already.
        let _ = waiting.send(());
    }
    Ok(String::new())
}

/// A store with delayed writes.
pub(crate) type Late = Hooked<Lateness>;

/// The delay of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lateness(Duration);

impl Hook for Lateness {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        if !matches!(call, Call::Load | Call::Touch) {
            sleep(self.0).await;
        }
        Ok(())
    }
}

/// Reports the address on which a server listens.
pub(crate) type Started = mpsc::Sender<SocketAddr>;

/// Starts a server on a separate runtime, with sessions in memory or at this URL.
fn start<S: Future>(
    url: Option<String>,
    serve: impl FnOnce(StoredSessions<Late>, Started) -> S + Send + 'static,
) -> SocketAddr {
    let (sender, started) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async move {
            let store = match url {
                Some(url) => Late { inner: cloakroom::connect(&url).await.unwrap(), hook: Lateness(Duration::ZERO) },
                None => Late { inner: AnyStore::new(MemoryStore::new()), hook: Lateness(LATE) },
            };
            let sessions = StoredSessions::new(store).cookie(CookieConfig::default().name("session").danger_insecure());
            let sessions = sessions.call_timeout(PATIENCE).commit_timeout(PATIENCE).build().unwrap();
            serve(sessions, sender).await;
        });
    });
    started.recv_timeout(PATIENCE).expect("the server starts")
}

/// Sends a request on a new connection, which the server closes.
async fn send(address: SocketAddr, request: &str, cookie: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n");
    stream.write_all(format!("{head}cookie: {cookie}\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// Sends a request and returns the whole response.
async fn ask(address: SocketAddr, request: &str, cookie: &str) -> String {
    let mut answer = String::new();
    send(address, request, cookie).await.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{request}: {answer}");
    answer
}

/// Returns whether this cookie opens the session.
async fn opens(address: SocketAddr, cookie: &str) -> bool {
    ask(address, "GET /user", cookie).await.contains("ann")
}

/// A visitor who signs out and disconnects some milliseconds after the handler has run. Returns the
/// cookie, and whether the response was still outstanding.
async fn leave(address: SocketAddr, round: u64, rounds: u64) -> (String, bool) {
    static VISITORS: AtomicU64 = AtomicU64::new(1);
    let answer = ask(address, "POST /begin", "").await;
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    let cookie = cookie.split(';').next().unwrap().to_owned();

    let visitor = VISITORS.fetch_add(1, Ordering::Relaxed);
    let (sender, ended) = oneshot::channel();
    ENDED.lock().unwrap().insert(visitor, sender);
    let page = if round.is_multiple_of(2) { "leave" } else { "leave-with-a-message" };
    let mut stream = send(address, &format!("POST /{page}/{visitor}"), &cookie).await;
    timeout(PATIENCE, ended).await.expect("the handler runs").unwrap();
    if round % 4 < 2 {
        // Reset the connection, as a crashing client does.
        stream.set_zero_linger().unwrap();
    }
    let stays = Duration::from_millis(1 + round * (LONGEST - 1) / (rounds - 1));
    let early = timeout(stays, stream.read_u8()).await.is_err();
    (cookie, early)
}

/// Runs `act` for each item, with limited concurrency.
async fn each<T, F>(items: impl IntoIterator<Item = T>, act: impl Fn(T) -> F) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let (mut running, mut done) = (JoinSet::new(), Vec::new());
    for item in items {
        if running.len() >= AT_A_TIME {
            done.extend(running.join_next().await.map(Result::unwrap));
        }
        running.spawn(act(item));
    }
    done.extend(running.join_all().await);
    done
}

/// Returns those cookies that still open their sessions.
async fn alive(address: SocketAddr, cookies: Vec<String>) -> Vec<String> {
    let ask = |cookie: String| async move { opens(address, &cookie).await.then_some(cookie) };
    let asked = each(cookies, ask).await;
    asked.into_iter().flatten().collect()
}

/// Retries until no cookie opens its session or the time is up. Returns the cookies that still do.
async fn when_quiet(address: SocketAddr, cookies: Vec<String>) -> Vec<String> {
    let mut left = cookies;
    // The list shows whether this ended with a timeout.
    let _ = timeout(PATIENCE, async {
        loop {
            left = alive(address, left.clone()).await;
            if left.is_empty() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    left
}

async fn rounds(name: &str, place: &str, address: SocketAddr) {
    let asked_for = std::env::var("CLOAKROOM_DISCONNECTS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds: u64 = asked_for.unwrap_or(ROUNDS).max(2);
    let visits = each(0..rounds, |round| leave(address, round, rounds)).await;
    let early = visits.iter().filter(|(_, early)| *early).count();
    let cookies: Vec<_> = visits.into_iter().map(|(cookie, _)| cookie).collect();
    let mut left = when_quiet(address, cookies.clone()).await;
    if left.is_empty() {
        // Ended sessions must not come back.
        left = alive(address, cookies).await;
    }
    println!(
        "{name}, {place}: {rounds} sign-outs, {early} of them left before the answer, {} old sessions alive",
        left.len()
    );
    assert!(left.is_empty(), "{name}, {place}: {} old sessions of {rounds} are alive", left.len());
    assert!(early > 0, "{name}, {place}: no client left before the response");
}

/// Runs the rounds on this adapter, with sessions in memory and in Redis.
pub(crate) async fn run<S: Future>(
    name: &str,
    serve: impl FnOnce(StoredSessions<Late>, Started) -> S + Clone + Send + 'static,
) {
    rounds(name, "a late store in memory", start(None, serve.clone())).await;
    let redis = Redis::start();
    let url = format!("redis://127.0.0.1:{}/", Delay::to(redis.port(), LATE).port());
    rounds(name, "Redis behind a slow network", start(Some(url), serve)).await;
}
