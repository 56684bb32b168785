//! The feed of a store: the server announces every changed session (`CLIENT TRACKING`).
//!
//! A separate connection asks the server, in broadcast mode, for the names of all keys that begin
//! with the prefix of sessions, by all clients. It reads nothing else. The server
//! sends such a name before it answers later commands on the same connection. A ping that is
//! answered therefore proves that everything acknowledged before it was sent has been announced.
//!
//! | event | reaction |
//! |---|---|
//! | the connection is lost, or a ping isn't answered in time | connect again; once tracking is on, anything may have changed. The calls of the store connect again, too |
//! | the server was emptied | anything may have changed |
//! | with Sentinel: the server is no longer the master, or the calls of the store go to a new connection | connect again, to the current master |
//! | the server knows no RESP3 or forbids tracking | try again every minute; until then the listeners ask the store |

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cloakroom_store::store::feed::{Announcer, Connection, Covers};
use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, ErrorKind, ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use crate::address::{Address, CONNECT, RESPONSE};
use crate::layout::parse_key;
use crate::link::Link;
use crate::managed::{self, Managed};
#[cfg(feature = "sentinel")]
use crate::sentinel::{Master, Sentinel};

/// The time between two pings, which bounds the age of the proof.
const PING: Duration = Duration::from_millis(250);

/// The first pause after a lost connection; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The pause after the server has refused to track.
const REFUSED: Duration = Duration::from_secs(60);

/// Creates the announcer of a store. Returns `None` if the store has no feed: a connection supplied
/// by the application can't be copied, and each master of a Cluster would need a connection.
pub(crate) fn announcer(link: &Link, front: String) -> Option<Announcer> {
    let source = match link {
        Link::Managed(managed) => Source::Server(Arc::new(managed.dial.address.clone()), Arc::downgrade(managed)),
        #[cfg(feature = "sentinel")]
        Link::Sentinel(sentinel) => Source::Master(Arc::new(sentinel.dial.another()), Arc::downgrade(sentinel)),
        Link::Given(_) => return None,
        #[cfg(feature = "cluster")]
        Link::Cluster(_) => return None,
    };
    if !source.address().and_then(|address| address.protocol).is_none_or(|protocol| protocol.supports_resp3()) {
        return None;
    }
    let reader = Reader { source, front: front.into() };
    Some(Announcer::connected(Covers::Changes, move |connection| {
        tokio::spawn(reader.clone().run(connection));
    }))
}

/// The server that announces, and the connection for the calls of the store.
#[derive(Clone)]
enum Source {
    Server(Arc<Address>, Weak<Managed>),
    #[cfg(feature = "sentinel")]
    Master(Arc<Master>, Weak<Sentinel>),
}

impl Source {
    fn address(&self) -> Option<&Address> {
        match self {
            Self::Server(address, _) => Some(address),
            #[cfg(feature = "sentinel")]
            Self::Master(master, _) => master.address(),
        }
    }

    async fn connect(&self, config: &AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
        match self {
            Self::Server(address, _) => managed::open(address, config, ProtocolVersion::RESP3).await,
            #[cfg(feature = "sentinel")]
            Self::Master(master, _) => master.open(config, ProtocolVersion::RESP3).await,
        }
    }

    /// Makes the next call of the store connect again.
    fn renew(&self) {
        match self {
            Self::Server(_, calls) => drop(calls.upgrade().map(|calls| calls.renew())),
            #[cfg(feature = "sentinel")]
            Self::Master(_, calls) => drop(calls.upgrade().map(|calls| calls.renew())),
        }
    }

    /// Returns a number that changes when the calls of the store go to a new connection, which may
    /// lead to another master.
    fn turn(&self) -> usize {
        match self {
            Self::Server(..) => 0,
            #[cfg(feature = "sentinel")]
            Self::Master(master, _) => master.dials(),
        }
    }

    /// Proves that the connection works and that all earlier announcements have arrived. Returns
    /// whether the server is the one that takes the writes.
    async fn ping(&self, connection: &mut MultiplexedConnection) -> RedisResult<bool> {
        let command = match self {
            Self::Server(..) => "PING",
            // A demoted master answers, but others take the writes now.
            #[cfg(feature = "sentinel")]
            Self::Master(..) => "ROLE",
        };
        let answer: Value = redis::cmd(command).query_async(connection).await?;
        // A role is a list that begins with its name.
        Ok(if let Value::Array(role) = answer { role.first().is_some_and(is_master) } else { true })
    }
}

fn is_master(role: &Value) -> bool {
    matches!(role, Value::BulkString(name) if name == b"master")
        || matches!(role, Value::SimpleString(name) if name == "master")
}

/// The reason why a connection that works is no longer used.
enum End {
    /// Nothing listens.
    Unneeded,
    /// The calls of the store go to a new connection, which may lead to another server.
    Turned,
}

/// The task that reads the announcements of a server.
#[derive(Clone)]
struct Reader {
    source: Source,
    /// The prefix of all session keys.
    front: Arc<str>,
}

impl Reader {
    /// Reads until nothing listens, and connects again after each failure.
    async fn run(self, feed: Connection) {
        let (feed, mut pause, mut renews) = (Arc::new(feed), PAUSE, true);
        while feed.is_needed() {
            let began = Instant::now();
            let error = match self.read(&feed, renews).await {
                Ok(End::Unneeded) => return,
                // The calls have a new connection.
                Ok(End::Turned) => {
                    feed.lost();
                    renews = false;
                    continue;
                }
                Err(error) => error,
            };
            feed.lost();
            renews = true;
            let refused = is_refusal(&error);
            let error = crate::error::of(&error);
            tracing::debug!(error = &error as &dyn std::error::Error, refused, "the feed of changed sessions was lost");
            pause = if refused {
                REFUSED
            } else if began.elapsed() > LONGEST_PAUSE {
                // The connection had worked.
                PAUSE
            } else {
                (pause * 2).min(LONGEST_PAUSE)
            };
            sleep(pause).await;
        }
    }

    /// Connects, and reads until nothing listens or the calls have a new connection.
    async fn read(&self, feed: &Arc<Connection>, renews: bool) -> RedisResult<End> {
        let (turn, lost) = (self.source.turn(), Arc::new(Lost::default()));
        let patience = self.source.address().map_or(RESPONSE, |address| address.timeout);
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(patience))
            .set_connection_timeout(Some(CONNECT))
            .set_push_sender(hears(Arc::clone(feed), Arc::clone(&lost), Arc::clone(&self.front)));
        let mut connection = self.source.connect(&config).await?;
        let mut track = redis::cmd("CLIENT");
        track.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(self.front.as_bytes());
        track.query_async::<Value>(&mut connection).await?;
        if renews {
            // The calls may still go to a server that was replaced, and that they don't notice,
            // because a cache answers. What they loaded there would be proven by this server.
            self.source.renew();
        }
        feed.established();
        loop {
            let sent = Instant::now();
            let next = sent + PING;
            if !self.source.ping(&mut connection).await? {
                return Err(moved("another server has become the master"));
            }
            if self.source.turn() != turn {
                return Ok(End::Turned);
            }
            feed.proven(sent.into_std());
            if !feed.is_needed() {
                return Ok(End::Unneeded);
            }
            if timeout_at(next, lost.wait()).await.is_ok() {
                return Err(moved("the server closed the connection"));
            }
        }
    }
}

/// Set when the client has noticed that the connection was closed.
#[derive(Default)]
struct Lost {
    is_lost: AtomicBool,
    noticed: Notify,
}

impl Lost {
    async fn wait(&self) {
        let noticed = self.noticed.notified();
        if !self.is_lost.load(Ordering::SeqCst) {
            noticed.await;
        }
    }
}

/// Returns the receiver of the server's messages. The client calls it in the order in which they
/// and the answers arrive.
fn hears(
    feed: Arc<Connection>,
    lost: Arc<Lost>,
    front: Arc<str>,
) -> impl Fn(PushInfo) -> Result<(), SendError> + Send + Sync + 'static {
    move |push: PushInfo| {
        if push.kind == PushKind::Invalidate {
            announce(&feed, &front, &push.data);
        } else if push.kind == PushKind::Disconnection {
            lost.is_lost.store(true, Ordering::SeqCst);
            lost.noticed.notify_waiters();
        }
        Ok(())
    }
}

/// Announces the keys of a message. A message that isn't understood may be about any key.
fn announce(feed: &Connection, front: &str, data: &[Value]) {
    for keys in data {
        let Value::Array(keys) = keys else {
            // The server was emptied.
            feed.all_changed();
            continue;
        };
        for key in keys {
            let Value::BulkString(name) = key else {
                feed.all_changed();
                continue;
            };
            // Other keys with this prefix aren't sessions.
            if let Some(key) = name.strip_prefix(front.as_bytes()).and_then(parse_key) {
                feed.changed(&key);
            }
        }
    }
}

fn moved(why: &'static str) -> RedisError {
    RedisError::from(std::io::Error::new(std::io::ErrorKind::ConnectionReset, why))
}

/// Returns whether the server can't or won't track, so that trying again soon is useless.
fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported || matches!(error.code(), Some("NOPROTO" | "NOPERM" | "ERR"))
}
