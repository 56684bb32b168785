//! [`RedisStore`]: connecting, options, and what each of them promises.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cloakroom_session::StoreKey;
use cloakroom_store::StoreError;
use redis::aio::ConnectionLike;
use tokio::sync::OnceCell;

use crate::address::Address;
use crate::call::Calls;
use crate::error;
use crate::kept::Repeat;
use crate::layout::HEX_LEN;
use crate::link::{Link, Target};

const PREFIX: &str = "cloakroom:";

/// Sessions in Redis or Valkey.
///
/// Needs Redis 6 or Valkey; tested with Redis 7.0 and 8.6 and Valkey 8.1. From Redis 8.4 and Valkey 8.1 on a commit takes a tenth of the server's time. Set `maxmemory-policy` to `noeviction`: sessions
/// have an expiry, so the `volatile` policies throw them out too, and a session that Redis evicts is a person who is signed out. Worse, the list of an owner's sessions is read
/// more rarely than they are, and goes first: sessions that are in no list go on, and "sign out everywhere" doesn't find them. `cloakroom doctor` tells. A cache belongs on another server.
///
/// A clone shares the connections.
///
/// # What survives what
/// | | `kill -9` of the server | loss of the machine |
/// |---|---|---|
/// | no append-only file | what the last snapshot has | the same |
/// | `appendonly yes`, `appendfsync everysec` (its default) | everything; while the disk is too slow, all but the last two seconds | all but the last second or two |
/// | `appendfsync always` | everything that was acknowledged | everything, if the disk keeps its word |
/// | a failover to a replica | all but what was on its way to the replica; with [`RedisStore::durability`] everything that was acknowledged | the same |
///
/// # Outages
/// A call ends with an error within a second or two. Connections come back by themselves, also where they have gone silent, or where another server has become the
/// master behind the same name: nothing has to be restarted. A server that is full refuses before anything was done, and still ends sessions.
///
/// A server that lost acknowledged writes (see the table) has older versions of sessions again. No version is given twice: a request that began on
/// one that was lost meets a conflict, and does its changes again on what is there. [`RedisStore::durability`] and `appendfsync always` keep writes from
/// being lost.
///
/// # Security
/// Neither `Debug` nor an error shows a URL: it may hold a password.
#[derive(Clone)]
pub struct RedisStore {
    pub(crate) link: Link,
    pub(crate) prefix: Arc<str>,
    pub(crate) durability: Option<Durability>,
    pub(crate) calls: Arc<Calls>,
    /// Whether the server has refused to compare values.
    pub(crate) refused: Arc<AtomicBool>,
    /// For writes that wait for replicas: nobody who reads is to stand behind them.
    waiting: Arc<OnceCell<Link>>,
}

/// How many replicas must have a write before it counts, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durability {
    pub(crate) replicas: u32,
    timeout: Duration,
}

impl Durability {
    /// For `WAIT`, where 0 means "for ever".
    pub(crate) fn millis(&self) -> u64 {
        u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

impl RedisStore {
    /// Connects to one server: `redis://`, `rediss://` (feature `tls`), `unix://`, and the same with `valkey`.
    ///
    /// One connection carries the calls of all tasks. When it breaks, the calls on it fail, except for reads and touches, which are
    /// tried once more; and it is made anew. A call without an answer is evidence against it, too. With RESP3 a connection that the
    /// server closed while it was idle is noticed before the next call.
    ///
    /// Options of a URL, here and wherever this crate takes one:
    ///
    /// | | |
    /// |---|---|
    /// | `timeout=1000` | how long an answer may take, in milliseconds. [`StoredSessions`](cloakroom_store::StoredSessions) has a deadline of its own for each call: 2 seconds unless told otherwise |
    /// | `ca=/etc/redis/ca.pem` | with `rediss://`: the authorities to believe, in PEM, instead of the system's |
    /// | `cert=…&key=…` | with `rediss://`: the files of our own certificate and its key, for a server that asks |
    /// | `protocol=resp2` | the older protocol: unless told otherwise it is RESP3, where the server has it, by which a connection that the server closed is noticed before it is used |
    ///
    /// # Errors
    /// When the URL makes no sense or needs the feature `tls`, a file that it names can't be read, or the server doesn't answer, shows a certificate that isn't believed, or refuses the password.
    ///
    /// # Security
    /// `rediss://` checks certificate and host name. The files are read once, when connecting.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::reached(Link::to(Address::parse(url)?)).await
    }

    /// Uses a connection that the application has, and clones it for each call.
    ///
    /// A `ConnectionManager`, a `MultiplexedConnection` (which never reconnects), or whatever else speaks to **one** server. Timeouts
    /// are the connection's own. For a Cluster use `from_cluster`: here its keys would go to the wrong servers.
    pub fn from_connection(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::new(Link::Given(Arc::new(connection)))
    }

    /// A store whose server has answered, and takes the login.
    pub(crate) async fn reached(link: Link) -> Result<Self, StoreError> {
        match link.command(redis::cmd("PING"), Target::Key(PREFIX), Repeat::Harmless).await {
            // Who may not ask is logged in.
            Err(error) if error.code() != Some("NOPERM") => Err(error::of(&error)),
            Ok(_) | Err(_) => Ok(Self::new(link)),
        }
    }

    pub(crate) fn new(link: Link) -> Self {
        let (calls, refused, waiting) = Default::default();
        Self { link, prefix: PREFIX.into(), durability: None, calls, refused, waiting }
    }

    /// What the names of all keys begin with; `cloakroom:` unless told otherwise.
    ///
    /// Applications that share a server need one each.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// A write counts only once this many replicas have it; off unless asked for.
    ///
    /// Redis acknowledges before its replicas know. With Sentinel or Cluster, what was acknowledged a moment before the
    /// master died can be lost, unless a replica confirmed it (`WAIT`, in the same round trip). A write that too few confirm within `timeout`
    /// is an error, though it is written: the caller may try again. Choose a timeout below a second, which is how long a
    /// call may take in all.
    ///
    /// Redis lets a connection wait, not a call: writes stand behind each other's `WAIT`. So they have connections of their own, made at the first of them, and reads
    /// go on. Connections that the application gave are the only ones there are: there, reads stand in the same line. When a master has no replica left, its
    /// writes fail; in a Cluster those of other masters may stand still for a few seconds, until the client knows where keys are now.
    ///
    /// # Security
    /// A master that was cut off goes on answering reads until it learns better: a session that was ended elsewhere may be served from
    /// there for that long. `min-replicas-to-write 1` in its configuration makes it refuse at least writes.
    #[must_use]
    pub const fn durability(mut self, replicas: u32, timeout: Duration) -> Self {
        self.durability = if replicas == 0 { None } else { Some(Durability { replicas, timeout }) };
        self
    }

    /// Whether a session's keys and the indexes of owners may live on different servers.
    pub(crate) const fn is_cluster(&self) -> bool {
        match self.link {
            #[cfg(feature = "cluster")]
            Link::Cluster(..) => true,
            _ => false,
        }
    }

    pub(crate) async fn waiting(&self) -> Result<&Link, StoreError> {
        let link = self.waiting.get_or_try_init(|| self.link.another()).await;
        link.map_err(|error| error::of(&error))
    }

    pub(crate) fn key(&self, key: &StoreKey) -> String {
        let mut name = String::with_capacity(self.prefix.len() + HEX_LEN);
        name.push_str(&self.prefix);
        key.push_hex(&mut name);
        name
    }

    pub(crate) fn index(&self, owner: &str) -> String {
        format!("{}o:{owner}", self.prefix)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("link", &self.link.name())
            .field("prefix", &self.prefix)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}
