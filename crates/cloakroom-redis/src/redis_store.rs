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
use crate::durability::{Durability, SharedEnds};
use crate::error;
use crate::kept::Repeat;
use crate::layout::KEY_LEN;
use crate::link::{Link, Target};

const PREFIX: &str = "cloakroom:";

/// Sets sessions apart from indexes, whose names go on with `o`: the bytes of a key may be any.
pub(crate) const KIND: char = 's';

/// Sessions in Redis or Valkey.
///
/// Needs Redis 6 or Valkey; tested with Redis 7.0 and 8.6 and Valkey 8.1. From Redis 8.4 and Valkey
/// 8.1 on a commit takes a tenth of the server's time. Set `maxmemory-policy` to `noeviction`:
/// sessions have an expiry, so the `volatile` policies throw them out too, and a session that Redis
/// evicts is a person who is signed out. Worse, the list of an owner's sessions is read more rarely
/// than they are, and goes first: sessions that are in no list go on, and "sign out everywhere"
/// doesn't find them. `cloakroom doctor` tells. A cache belongs on another server.
///
/// A clone shares the connections.
///
/// # What survives what
/// | | `kill -9` of the server | loss of the machine |
/// |---|---|---|
/// | no append-only file | what the last snapshot has | the same |
/// | `appendonly yes`, `appendfsync everysec` (its default) | everything; while the disk is too slow, all but the last two seconds | all but the last second or two |
/// | `appendfsync always` | everything that was acknowledged | everything, if the disk keeps its word |
/// | a failover to a replica | all but what was on its way to the replica; with [`RedisStore::durability`] nearly everything: what its replicas confirmed | the same |
///
/// # Outages
/// A call ends with an error within a second or two. Connections come back by themselves, also
/// where they have gone silent, or where another server has become the master behind the same name:
/// nothing has to be restarted. A server that is full refuses before anything was done, and still
/// ends sessions.
///
/// A server that lost acknowledged writes (see the table) has older versions of sessions again. No
/// version is given twice: a request that began on one that was lost meets a conflict, and does its
/// changes again on what is there. [`RedisStore::durability`] and `appendfsync always` keep writes
/// from being lost.
///
/// # Security
/// Neither `Debug` nor an error shows a URL: it may hold a password.
#[derive(Clone)]
pub struct RedisStore {
    pub(crate) link: Link,
    pub(crate) prefix: Arc<str>,
    pub(crate) durability: Durability,
    /// Ends that are to be confirmed still.
    pub(crate) ends: SharedEnds,
    pub(crate) calls: Arc<Calls>,
    /// Whether the server has refused to compare values.
    pub(crate) refused: Arc<AtomicBool>,
    /// For writes that wait for replicas: nobody who reads is to stand behind them.
    waiting: Arc<OnceCell<Link>>,
}

impl RedisStore {
    /// Connects to one server: `redis://`, `rediss://` (feature `tls`), `unix://`, and the same
    /// with `valkey`.
    ///
    /// One connection carries the calls of all tasks. When it breaks, the calls on it are tried
    /// once more on the next one; what was done already isn't done twice, because no two writes
    /// share a version. A call without an answer is evidence against it, too. With RESP3 a
    /// connection that the server closed while it was idle is noticed before the next call.
    ///
    /// Options of a URL, here and wherever this crate takes one:
    ///
    /// | | |
    /// |---|---|
    /// | `timeout=1000` | how long an answer may take, in milliseconds. [`StoredSessions`](cloakroom_store::StoredSessions) has a deadline of its own for each call: 2 seconds unless told otherwise |
    /// | `ca=/etc/redis/ca.pem` | with `rediss://`: the authorities to believe, in PEM, instead of the system's |
    /// | `cert=…&key=…` | with `rediss://`: the files of our own certificate and its key, for a server that asks |
    /// | `durability=aof` | see [`RedisStore::durable_on_disk`] |
    /// | `protocol=resp2` | the older protocol: unless told otherwise it is RESP3, where the server has it, by which a connection that the server closed is noticed before it is used |
    ///
    /// # Errors
    /// When the URL makes no sense or needs the feature `tls`, a file that it names can't be read,
    /// or the server doesn't answer, shows a certificate that isn't believed, or refuses the
    /// password.
    ///
    /// # Security
    /// `rediss://` checks certificate and host name. The files are read once, when connecting.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let disk = address.disk;
        Ok(Self::reached(Link::to(address)).await?.on_disk_if(disk))
    }

    /// Uses a connection that the application has, and clones it for each call.
    ///
    /// A `ConnectionManager`, a `MultiplexedConnection` (which never reconnects), or whatever else
    /// speaks to **one** server. Timeouts are the connection's own. For a Cluster use
    /// `from_cluster`: here its keys would go to the wrong servers.
    ///
    /// A pool of `deadpool-redis` or `bb8-redis`, or a client of `fred`, is such a connection
    /// within a small struct; the guide has the code ("A pool of your own"). All commands of one
    /// call to `req_packed_commands` must go to one connection.
    ///
    /// # Examples
    /// ```no_run
    /// use cloakroom_redis::RedisStore;
    /// use redis::Client;
    ///
    /// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
    /// let connection = Client::open("redis://localhost")?.get_multiplexed_async_connection().await?;
    /// let store = RedisStore::from_connection(connection).prefix("shop:");
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_connection(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::new(Link::Given(Arc::new(connection)))
    }

    /// A store whose server has answered, and takes the login.
    pub(crate) async fn reached(link: Link) -> Result<Self, StoreError> {
        match link.command(redis::cmd("PING"), Target::Key(PREFIX.as_bytes()), Repeat::Harmless).await {
            // Who may not ask is logged in.
            Err(error) if error.code() != Some("NOPERM") => Err(error::of(&error)),
            Ok(_) | Err(_) => Ok(Self::new(link)),
        }
    }

    /// What a URL says.
    pub(crate) const fn on_disk_if(self, disk: bool) -> Self {
        if disk { self.durable_on_disk() } else { self }
    }

    pub(crate) fn new(link: Link) -> Self {
        let (durability, ends, calls, refused, waiting) = Default::default();
        Self { link, prefix: PREFIX.into(), durability, ends, calls, refused, waiting }
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
    /// Redis acknowledges before its replicas know. With Sentinel or Cluster, what was acknowledged
    /// a moment before the master died can be lost, unless a replica confirmed it (`WAIT`, in the
    /// same round trip). A write that too few confirm within `timeout` is an error, though it is
    /// written: the caller may try again. Choose a timeout below a second, which is how long a call
    /// may take in all.
    ///
    /// An end is an error as long as it is unconfirmed, also where there is nothing left to end,
    /// and this process tries it again for half an hour: a sign-out that failed while the master
    /// was about to be lost is carried out on the next one. In a Cluster, `end_owned` and
    /// `end_before` wait for each master in turn when they have found all sessions: an end that
    /// another process made without a confirmation may be on any of them.
    ///
    /// **It isn't more than that.** `WAIT` makes a loss less likely; in the words of its
    /// documentation it "does not make Redis a strongly consistent store". A failover may promote a
    /// replica that isn't among those that confirmed; have as many replicas confirm as there are. A
    /// replica that restarts without an append-only file has nothing of what it confirmed. What a
    /// write left that was an error can be read by others before it is confirmed.
    ///
    /// Redis lets a connection wait, not a call: writes stand behind each other's `WAIT`. So they
    /// have separate connections, made at the first of them, and reads go on. Connections that the
    /// application gave are the only ones there are: there, reads stand in the same line. When a
    /// master has no replica left, its writes fail; in a Cluster those of other masters may stand
    /// still for a few seconds, until the client knows where keys are now.
    ///
    /// # Security
    /// A master that was cut off goes on answering reads until it learns better: a session that was
    /// ended elsewhere may be served from there for that long. `min-replicas-to-write 1` in its
    /// configuration makes it refuse at least writes.
    #[must_use]
    pub const fn durability(mut self, replicas: u32, timeout: Duration) -> Self {
        self.durability = Durability { replicas, timeout, ..self.durability };
        self
    }

    /// A write counts only once it is on the disk of the master, and on those of the replicas of
    /// [`RedisStore::durability`]; `durability=aof` in a URL.
    ///
    /// With `WAITAOF`, which Redis has since 7.2 and Valkey always: servers without it, or without
    /// an append-only file, answer each write with an error. Not needed with `appendfsync always`
    /// and no replica. With `appendfsync everysec` a write waits up to a second for the next fsync:
    /// pass a longer timeout to [`RedisStore::durability`], and give the URL one (`timeout`).
    #[must_use]
    pub const fn durable_on_disk(mut self) -> Self {
        self.durability = Durability { disk: true, ..self.durability };
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

    /// The name of a session: its 32 bytes, and not their digits, because Redis keeps names in
    /// memory.
    pub(crate) fn key(&self, key: &StoreKey) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.prefix.len() + KIND.len_utf8() + KEY_LEN);
        name.extend_from_slice(self.prefix.as_bytes());
        name.push(KIND as u8);
        name.extend_from_slice(key.as_bytes());
        name
    }

    /// What all names of sessions begin with.
    pub(crate) fn front(&self) -> String {
        format!("{}{KIND}", self.prefix)
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
