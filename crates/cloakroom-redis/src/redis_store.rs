//! [`RedisStore`]: connecting, and the guarantees of each option.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::StoreError;
use cloakroom_store::store::feed::Announcer;
use redis::aio::ConnectionLike;
#[cfg(feature = "cluster")]
use redis::cluster_async::ClusterConnection;
use tokio::sync::OnceCell;

use crate::address::Address;
use crate::argument::KEY_LEN;
use crate::calls::Calls;
#[cfg(feature = "cluster")]
use crate::cluster::Clustered;
use crate::durability::{Durability, SharedEnds};
use crate::error;
use crate::feed;
#[cfg(feature = "sentinel")]
use crate::kept::Kept;
use crate::kept::Repeat;
use crate::link::Link;
#[cfg(feature = "sentinel")]
use crate::sentinel::Master;
use crate::target::Target;

const PREFIX: &str = "cloakroom:";

/// Distinguishes session keys from index keys, which have `o` here: the bytes of a store key may be
/// any.
pub(crate) const KIND: char = 's';

/// Sessions in Redis or Valkey.
///
/// Requires Redis 6 or Valkey; tested with Redis 7.0 and 8.6 and Valkey 8.1. With Redis 8.4 or
/// Valkey 8.1 and later, a commit takes a tenth of the server time.
///
/// Set `maxmemory-policy` to `noeviction`. Sessions have an expiry, so the `volatile` policies
/// evict them too, and each evicted session signs a user out. Worse, the owner index is read less
/// often than the sessions and is therefore evicted first: those sessions stay valid, but "sign out
/// everywhere" no longer finds them. `cloakroom doctor` checks this setting. Use another server for
/// a cache.
///
/// Clones share the connections.
///
/// # Durability
/// | | `kill -9` of the server | loss of the machine |
/// |---|---|---|
/// | no append-only file | restored to the last snapshot | the same |
/// | `appendonly yes`, `appendfsync everysec` (its default) | nothing is lost; while the disk is too slow, up to the last two seconds | the last second or two are lost |
/// | `appendfsync always` | no acknowledged write is lost | the same, if the disk flushes reliably |
/// | a failover to a replica | writes not yet replicated are lost; with [`RedisStore::durability`], nearly every write that replicas confirmed survives | the same |
///
/// # Outages
/// A call fails within a second or two. Connections recover without a restart, even if they were
/// silently dropped or if another server became the master behind the same name. A server that is
/// out of memory rejects writes before they change anything, and can still end sessions.
///
/// A server that lost acknowledged writes (see the table) has older versions of sessions. No
/// version is assigned twice: a request that began on a lost version gets a conflict, and replays
/// its changes on the stored one. [`RedisStore::durability`] and `appendfsync always` protect
/// against such losses.
///
/// # Feed
/// The store announces changed sessions to this process, on a separate connection that is made when
/// a request first waits for the end of its session, or when a cache listens. It needs RESP3 and
/// `CLIENT TRACKING`. Each write to any session of this prefix sends some 60 bytes to each process
/// that listens. There is no feed with [`RedisStore::from_connection`], with `protocol=resp2`, and
/// in a Cluster, whose sessions are spread over many servers: sessions are then checked
/// periodically.
///
/// # Security
/// Neither `Debug` nor errors contain the URL, because it may contain a password.
#[derive(Clone)]
pub struct RedisStore {
    pub(crate) link: Link,
    pub(crate) prefix: Arc<str>,
    pub(crate) durability: Durability,
    /// Ends that are not yet confirmed.
    pub(crate) ends: SharedEnds,
    pub(crate) calls: Arc<Calls>,
    /// Set once the server has rejected compare-and-set.
    pub(crate) refused: Arc<AtomicBool>,
    /// A separate connection for writes that wait for replicas, so that reads are not queued behind
    /// them.
    waiting: Arc<OnceCell<Link>>,
    /// Made when it is first asked for, because it depends on the prefix. `None` inside means that
    /// there is no feed.
    announcer: Arc<OnceLock<Option<Announcer>>>,
}

impl RedisStore {
    /// Connects to a single server.
    ///
    /// The schemes are `redis://`, `rediss://` (feature `tls`) and `unix://`, and the same with
    /// `valkey`.
    ///
    /// One connection carries the calls of all tasks. If it breaks, its pending calls are retried
    /// once on a new one. No call takes effect twice, because no two writes share a version. A call
    /// without an answer also causes a reconnect. With RESP3, a connection that the server closed
    /// while idle is detected before the next call.
    ///
    /// URL options, also for the other methods of this crate that take a URL:
    ///
    /// | option | meaning |
    /// |---|---|
    /// | `timeout=1000` | the response timeout in milliseconds. [`StoredSessions`](cloakroom_store::StoredSessions) has a separate timeout for each call: 2 seconds by default |
    /// | `ca=/etc/redis/ca.pem` | with `rediss://`: the trusted certificate authorities, in PEM, instead of the system's |
    /// | `cert=…&key=…` | with `rediss://`: the files of the client certificate and its key, for a server that requires one |
    /// | `durability=aof` | see [`RedisStore::durable_on_disk`] |
    /// | `protocol=resp2` | the older protocol. The default is RESP3 if the server supports it, which detects connections closed by the server before they are used |
    ///
    /// # Errors
    /// If the URL is invalid or needs the feature `tls`, if a file that it names can't be read, or
    /// if the server doesn't answer, shows an untrusted certificate, or rejects the password.
    ///
    /// # Security
    /// `rediss://` verifies the certificate and the host name. The files are read once, when
    /// connecting.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let disk = address.disk;
        Ok(Self::reached(Link::to(address)).await?.on_disk_if(disk))
    }

    /// Connects to the master of these sentinels, and follows it through failovers.
    ///
    /// `master` is its name, such as `mymaster`. If the servers need a login, another database than
    /// 0 or TLS, it is a URL with that name as its host: `redis://user:password@mymaster/1`. The
    /// sentinels have a separate login, the same for all of them, taken from their first URL.
    ///
    /// After a failover, calls fail until the sentinels agree on the new master; no restart is
    /// needed. See [`RedisStore::durability`] for the writes that a failover may lose.
    ///
    /// # Errors
    /// If a URL is invalid, or no sentinel or no master answers.
    ///
    /// # Examples
    /// ```no_run
    /// use cloakroom_redis::RedisStore;
    /// use std::time::Duration;
    ///
    /// # async fn start() -> Result<(), cloakroom_store::store::StoreError> {
    /// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"];
    /// let store = RedisStore::connect_sentinel(&sentinels, "mymaster").await?;
    /// let store = store.durability(1, Duration::from_millis(500));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "sentinel")]
    pub async fn connect_sentinel(sentinels: &[impl AsRef<str>], master: &str) -> Result<Self, StoreError> {
        let master = Master::new(sentinels, master)?;
        let disk = master.is_on_disk();
        Ok(Self::reached(Link::Sentinel(Arc::new(Kept::new(master)))).await?.on_disk_if(disk))
    }

    /// Connects to a Cluster through some of its servers.
    ///
    /// A call about a session goes to the one master that has it, so the loss of another master
    /// doesn't affect it. Differences from a single server:
    ///
    /// - [`cycle`](cloakroom_store::store::Store::cycle) creates the new session first and writes
    ///   the tombstone second, which costs one more round trip. A failure between them returns an
    ///   error, and leaves the old session unchanged. The new session stays until its deadline,
    ///   under an id that no client knows.
    /// - An owner index is on its own server. Creating a session with an owner needs both servers,
    ///   in parallel, and succeeds only if both calls do; later the session rarely needs the index.
    ///   A crash in between leaves an unlisted session under an id that no client knows. While the
    ///   server of an index is down, its owner can't sign in, but existing sessions continue and
    ///   can sign out.
    /// - [`owned`](cloakroom_store::store::Store::owned) is not a snapshot: it reads the index, and
    ///   then each session under its current key. If the server of an index lost acknowledged
    ///   writes, sessions on other servers can be missing from the list, remembered ones until they
    ///   end: see [`RedisStore::durability`].
    /// - [`end_before`](cloakroom_store::store::Store::end_before) goes from server to server, and
    ///   may miss a session whose slot is being migrated. Call it again when no slots are migrated.
    /// - The loss of one master makes all sessions unavailable, unless the Cluster is configured
    ///   with `cluster-require-full-coverage no`.
    /// - The client retries calls by itself. Each write carries a mark, and a session keeps the
    ///   last mark of each of the eight processes that wrote it last. A repeated write therefore
    ///   takes effect only once, however often other processes wrote in between.
    ///
    /// `timeout`, `durability`, `ca`, `cert` and `key` apply to all servers, and are taken from the
    /// first URL that has them.
    ///
    /// # Errors
    /// If a URL is invalid, or none of the servers answers as part of a Cluster.
    #[cfg(feature = "cluster")]
    pub async fn connect_cluster(urls: &[impl AsRef<str>]) -> Result<Self, StoreError> {
        let addresses = urls.iter().map(|url| Address::parse(url.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let disk = addresses.iter().any(|address| address.disk);
        let cluster = Clustered::connect(addresses.into()).await.map_err(|error| error::of(&error))?;
        Ok(Self::reached(Link::Cluster(Arc::new(cluster))).await?.on_disk_if(disk))
    }

    /// Uses an existing connection, which is cloned for each call.
    ///
    /// This may be a `ConnectionManager`, a `MultiplexedConnection` (which never reconnects), or
    /// any other connection to a **single** server. The connection's own timeouts apply. For a
    /// Cluster use `from_cluster`: with this method, keys would go to the wrong servers.
    ///
    /// A pool of `deadpool-redis` or `bb8-redis`, or a client of `fred`, is such a connection
    /// within a small struct; the guide has the code ("Using an existing pool"). All commands of
    /// one call to `req_packed_commands` must go to one connection.
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

    /// Uses an existing connection to a Cluster.
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn from_cluster(connection: ClusterConnection) -> Self {
        Self::new(Link::Cluster(Arc::new(Clustered::given(connection))))
    }

    /// Returns the store once its server has answered and accepted the login.
    pub(crate) async fn reached(link: Link) -> Result<Self, StoreError> {
        match link.command(redis::cmd("PING"), Target::Key(PREFIX.as_bytes()), Repeat::Harmless).await {
            // A user without the permission for this command is still logged in.
            Err(error) if error.code() != Some("NOPERM") => Err(error::of(&error)),
            Ok(_) | Err(_) => Ok(Self::new(link)),
        }
    }

    /// Applies the `durability` option of a URL.
    pub(crate) const fn on_disk_if(self, disk: bool) -> Self {
        if disk { self.durable_on_disk() } else { self }
    }

    pub(crate) fn new(link: Link) -> Self {
        let (durability, ends, calls, refused, waiting, announcer) = Default::default();
        Self { link, prefix: PREFIX.into(), durability, ends, calls, refused, waiting, announcer }
    }

    /// Sets the prefix of all key names. The default is `cloakroom:`.
    ///
    /// Applications that share a server need different prefixes.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self.announcer = Arc::default();
        self
    }

    /// Requires this many replicas to confirm each write. Off by default.
    ///
    /// Redis acknowledges a write before its replicas have it. With Sentinel or Cluster, a write
    /// acknowledged just before the master is lost can disappear, unless a replica confirmed it
    /// (`WAIT`, in the same round trip). A write that too few replicas confirm within `timeout`
    /// returns an error, although it has been written; the caller may retry. Choose a timeout below
    /// one second, the default response timeout of a call.
    ///
    /// Ending a session returns an error until it is confirmed, even if there is nothing left to
    /// end. This process retries it for half an hour, so that a sign-out that failed just before
    /// the master was lost is executed on its successor. In a Cluster, `end_owned` and `end_before`
    /// wait for each master in turn once they find no more sessions: any of them may have an
    /// unconfirmed end by another process.
    ///
    /// **This is not strong consistency.** `WAIT` makes a loss less likely; in the words of its
    /// documentation it "does not make Redis a strongly consistent store". A failover may promote a
    /// replica that did not confirm; require confirmation from all replicas. A replica that
    /// restarts without an append-only file has lost its confirmed writes. Other requests can read
    /// an unconfirmed write, even if it returned an error.
    ///
    /// In Redis a connection waits, not a call, so writes on one connection queue behind each
    /// other's `WAIT`. They use separate connections, created with the first such write, and reads
    /// continue on the others. With connections supplied by the application there are no separate
    /// ones, and reads queue behind writes. If a master has no replica left, its writes fail. In a
    /// Cluster, writes to other masters may then stall for a few seconds until the client has the
    /// new slot map.
    ///
    /// # Security
    /// A master that was cut off keeps answering reads until it notices. During that time it may
    /// serve a session that was ended elsewhere. Setting `min-replicas-to-write 1` makes it reject
    /// at least writes.
    #[must_use]
    pub const fn durability(mut self, replicas: u32, timeout: Duration) -> Self {
        self.durability = Durability { replicas, timeout, ..self.durability };
        self
    }

    /// Requires each write to be on the disk of the master.
    ///
    /// With [`RedisStore::durability`], it must also be on the disks of its replicas. In a URL, use
    /// `durability=aof`.
    ///
    /// This uses `WAITAOF`, available in Redis since 7.2 and in all versions of Valkey. Servers
    /// without it, or without an append-only file, reject each write. It is not needed with
    /// `appendfsync always` and no replica. With `appendfsync everysec` a write waits up to a
    /// second for the next fsync: pass a longer timeout to [`RedisStore::durability`], and set
    /// `timeout` in the URL.
    #[must_use]
    pub const fn durable_on_disk(mut self) -> Self {
        self.durability = Durability { disk: true, ..self.durability };
        self
    }

    /// Returns whether a session's keys and the owner indexes may be on different servers.
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

    /// Returns the announcer of the store's feed, if it has one.
    pub(crate) fn announcer(&self) -> Option<&Announcer> {
        self.announcer.get_or_init(|| feed::announcer(&self.link, self.front())).as_ref()
    }

    /// Returns the Redis key of a session. It contains the 32 raw bytes instead of their digits,
    /// because Redis keeps keys in memory.
    pub(crate) fn key(&self, key: &StoreKey) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.prefix.len() + KIND.len_utf8() + KEY_LEN);
        name.extend_from_slice(self.prefix.as_bytes());
        name.push(KIND as u8);
        name.extend_from_slice(key.as_bytes());
        name
    }

    /// Returns the prefix of all session keys.
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
