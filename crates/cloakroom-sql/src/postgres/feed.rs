//! The feed of a store: the server announces ended and moved sessions (`LISTEN`).
//!
//! The statements that end and move sessions send a notification with their keys when they commit.
//! A separate connection listens, because a pool's connections serve other callers.
//!
//! | event | reaction |
//! |---|---|
//! | the connection is lost, or doesn't answer in time | connect again; once it listens, anything may have changed |
//! | a notification that isn't understood | anything may have changed |
//! | a test notification doesn't arrive, as behind a pooler in transaction mode | warn once, try again every minute, and let listeners ask the store until then |

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom_session::factory::{StoreKey, random};
use cloakroom_store::store::StoreError;
use cloakroom_store::store::feed::{Announcer, Connection, Covers};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::connections::Connections;
use super::failure::to_failure;
use super::line::{Hears, Line};
use super::statements::Statements;
use crate::query::{Executor as _, Failure};

/// The time between two questions whether the connection still works.
const PING: Duration = Duration::from_secs(2);

/// The time limit for an answer on the connection, and for the test notification.
const ANSWER: Duration = Duration::from_secs(2);

/// The time limit for connecting and signing in, in addition to that of the URL.
const CONNECT: Duration = Duration::from_secs(10);

/// The first pause after a lost connection; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The pause after the test notification didn't arrive.
const DEAF: Duration = Duration::from_secs(60);

/// The payload that stands for all sessions.
const ALL: &str = "*";

/// The beginning of a test notification.
const TEST: &str = "test ";

/// Creates the announcer of a store that listens on a line.
pub(super) fn announcer(line: Line, connections: Connections, statements: &Statements) -> Announcer {
    let (listen, probe) = (Arc::clone(&statements.own.listen), Arc::clone(&statements.own.probe));
    let reader = Reader { line, connections, listen, probe, has_warned: Arc::default() };
    Announcer::connected(Covers::Endings, move |connection| {
        tokio::spawn(reader.clone().run(connection));
    })
}

/// The task that reads the notifications of a server.
#[derive(Clone)]
struct Reader {
    line: Line,
    /// The connections on which the store ends sessions.
    connections: Connections,
    listen: Arc<str>,
    probe: Arc<str>,
    has_warned: Arc<AtomicBool>,
}

/// The reason why the connection can't be used.
#[derive(Debug)]
enum Lost {
    /// Notifications don't arrive.
    Deaf,
    Failed(StoreError),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deaf => f.write_str("a test notification didn't arrive"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl From<tokio_postgres::Error> for Lost {
    fn from(error: tokio_postgres::Error) -> Self {
        to_failure(error).into()
    }
}

impl From<Failure> for Lost {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.into())
    }
}

impl Reader {
    /// Reads until nothing listens, and connects again after each failure.
    async fn run(self, feed: Connection) {
        let (feed, mut pause) = (Arc::new(feed), PAUSE);
        while feed.is_needed() {
            let began = Instant::now();
            let Err(lost) = self.read(&feed).await else { return };
            feed.lost();
            tracing::debug!(error = %lost, "the feed of ended sessions was lost");
            pause = if matches!(lost, Lost::Deaf) {
                self.warn();
                DEAF
            } else if began.elapsed() > PING {
                // The connection had worked.
                PAUSE
            } else {
                (pause * 2).min(LONGEST_PAUSE)
            };
            rest(pause, &feed).await;
        }
    }

    /// Says once that ends on other nodes are noticed late.
    fn warn(&self) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "PostgreSQL's notifications don't arrive, as behind a pooler in transaction mode: `ended` notices \
                 sign-outs on other nodes at the check interval only; name the database server itself with \
                 `listen=HOST:PORT` in the URL, or turn notifications off with `notify=false`"
            );
        }
    }

    /// Connects, and reads until nothing listens.
    async fn read(&self, feed: &Arc<Connection>) -> Result<(), Lost> {
        let probe = Arc::new(Probe::new()?);
        let opening = self.line.open(hears(Arc::clone(feed), Arc::clone(&probe)));
        let mut open = within(CONNECT, opening).await?;
        within(ANSWER, open.client.batch_execute(&self.listen)).await?;
        self.test(&probe).await?;
        feed.established();
        while feed.is_needed() {
            if timeout(PING, &mut open.task).await.is_ok() {
                return Err(Failure::because("the server closed the connection").into());
            }
            // An empty statement: a round trip.
            within(ANSWER, open.client.batch_execute("")).await?;
        }
        Ok(())
    }

    /// Sends a notification as the store's statements do, and waits for it.
    async fn test(&self, probe: &Probe) -> Result<(), Lost> {
        self.connections.rows(&self.probe, &[probe.payload.as_str().into()], |_| Ok(())).await?;
        timeout(ANSWER, probe.arrived.notified()).await.map_err(|_| Lost::Deaf)
    }
}

/// Waits for an answer of the server.
async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Lost> {
    Ok(timeout(limit, answer).await.map_err(|_| Failure::Refused(StoreError::timed_out()))??)
}

/// Sleeps, but not much longer than something listens.
async fn rest(pause: Duration, feed: &Connection) {
    let until = Instant::now() + pause;
    while Instant::now() < until && feed.is_needed() {
        sleep(PING.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

/// A test notification.
struct Probe {
    payload: String,
    arrived: Notify,
}

impl Probe {
    fn new() -> Result<Self, Failure> {
        let bytes = random::<16>().map_err(StoreError::unavailable)?;
        let payload = format!("{TEST}{:032x}", u128::from_be_bytes(bytes));
        Ok(Self { payload, arrived: Notify::new() })
    }
}

/// Returns the receiver of notifications.
fn hears(feed: Arc<Connection>, probe: Arc<Probe>) -> Hears {
    Box::new(move |payload| {
        if payload == probe.payload {
            probe.arrived.notify_one();
        } else if !payload.starts_with(TEST) {
            // Otherwise it is the test of another process.
            match keys(payload) {
                Some(keys) => keys.iter().for_each(|key| feed.changed(key)),
                None => feed.all_changed(),
            }
        }
    })
}

/// Parses the keys of a notification. `None` stands for all sessions, and for text that isn't
/// understood, such as that of a later release.
fn keys(payload: &str) -> Option<Vec<StoreKey>> {
    if payload == ALL { None } else { payload.split(' ').map(StoreKey::from_hex).collect() }
}

#[cfg(test)]
mod tests {
    use super::{StoreKey, keys};

    #[test]
    fn payloads_that_are_not_understood_stand_for_all_sessions() {
        let [one, two] = [1, 2].map(|byte| StoreKey::from_bytes([byte; 32]));
        let both = format!("{} {}", one.to_hex(), two.to_hex());
        assert_eq!(keys(&one.to_hex()), Some(vec![one]));
        assert_eq!(keys(&both), Some(vec![one, two]));
        for other in ["*", "", " ", "ended", &both[1..], &format!("{both} "), &format!("{both} +"), "größe"] {
            assert_eq!(keys(other), None, "{other}");
        }
    }
}
