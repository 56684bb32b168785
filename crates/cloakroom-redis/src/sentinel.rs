//! A connection to whichever server is the master now.
//!
//! The client asks the sentinels when it connects, and never again: a master that was lost would stay lost. So here a connection that
//! broke, or that turned out to be to a replica, is forgotten, and the next call asks anew.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_store::StoreError;
use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, Cmd, ConnectionAddr, Pipeline, RedisError, RedisResult, TlsMode, Value};
use tokio::sync::OnceCell;

use crate::address::{Address, CONNECT, RESPONSE, socket};
use crate::error::{self, failed, takes_no_writes};
use crate::link::Link;
use crate::redis_store::RedisStore;

/// How long finding the master may take: several sentinels may have to be asked.
const FIND: Duration = Duration::from_secs(3);

/// One search for the master, shared by all calls that wait for it, and its outcome.
type Found = OnceCell<RedisResult<MultiplexedConnection>>;

pub(crate) struct Sentinel {
    sentinels: Arc<[Address]>,
    name: Arc<str>,
    /// How to log in to the master, if a URL says so.
    master: Option<Arc<Address>>,
    found: Mutex<Arc<Found>>,
}

impl RedisStore {
    /// Connects to the master that these sentinels know, and follows it through failovers.
    ///
    /// `master` is its name, as `mymaster`; or, where the servers want a login, another database than 0 or TLS, a URL in which that name
    /// takes the place of the host: `redis://user:password@mymaster/1`. The sentinels have a login of their own, one for all of them: that of
    /// their first URL.
    ///
    /// After a failover calls fail until the sentinels agree on the new master; nothing has to be restarted. See
    /// [`RedisStore::durability`] for what such a failover may lose.
    ///
    /// # Errors
    /// When a URL makes no sense, or there is no sentinel or no master that answers.
    ///
    /// # Examples
    /// ```no_run
    /// use cloakroom_redis::RedisStore;
    /// use std::time::Duration;
    ///
    /// # async fn start() -> Result<(), cloakroom_store::StoreError> {
    /// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"];
    /// let store = RedisStore::connect_sentinel(&sentinels, "mymaster").await?;
    /// let store = store.durability(1, Duration::from_millis(500));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_sentinel(sentinels: &[impl AsRef<str>], master: &str) -> Result<Self, StoreError> {
        let sentinel = Sentinel::new(sentinels, master)?;
        let (_, connection) = sentinel.current().await;
        connection.map_err(|error| error::of(&error))?;
        Ok(Self::new(Link::Sentinel(Arc::new(sentinel))))
    }
}

impl Sentinel {
    fn new(sentinels: &[impl AsRef<str>], master: &str) -> Result<Self, StoreError> {
        let sentinels = sentinels.iter().map(|url| Address::parse(url.as_ref())).collect::<Result<_, _>>()?;
        let (mut name, mut address) = (Arc::from(master), None);
        if master.contains("://") {
            let parsed = Address::parse(master)?;
            name = match parsed.information.addr() {
                ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.as_str().into(),
                ConnectionAddr::Unix(_) | _ => return Err(failed("the master's URL has no name in it")),
            };
            address = Some(Arc::new(parsed));
        }
        Ok(Self { sentinels, name, master: address, found: Mutex::default() })
    }

    /// Another connection to the same.
    pub(crate) fn another(&self) -> Self {
        let (sentinels, name) = (Arc::clone(&self.sentinels), Arc::clone(&self.name));
        Self { sentinels, name, master: self.master.clone(), found: Mutex::default() }
    }

    fn client(&self) -> RedisResult<SentinelClient> {
        let addresses = self.sentinels.iter().map(|sentinel| sentinel.information.addr().clone());
        let mut builder = SentinelClientBuilder::new(addresses, &self.name, SentinelServerType::Master)?
            .set_client_to_sentinel_tcp_settings(socket())
            .set_client_to_redis_tcp_settings(socket());
        if let Some(sentinel) = self.sentinels.first() {
            let login = sentinel.information.redis_settings();
            if let Some(name) = login.username() {
                builder = builder.set_client_to_sentinel_username(name);
            }
            if let Some(password) = login.password() {
                builder = builder.set_client_to_sentinel_password(password);
            }
        }
        let Some(master) = &self.master else { return builder.build() };
        let login = master.information.redis_settings();
        builder = builder.set_client_to_redis_db(login.db()).set_client_to_redis_protocol(login.protocol());
        if let Some(name) = login.username() {
            builder = builder.set_client_to_redis_username(name);
        }
        if let Some(password) = login.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if matches!(master.information.addr(), ConnectionAddr::TcpTls { .. }) {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        #[cfg(feature = "tls")]
        if let Some(certificates) = &master.certificates {
            builder = builder.set_client_to_redis_certificates(certificates.clone());
        }
        builder.build()
    }

    pub(crate) async fn command(&self, command: &Cmd) -> RedisResult<Value> {
        let (found, connection) = self.current().await;
        let answer = command.query_async(&mut connection?).await;
        self.noted(&found, answer)
    }

    pub(crate) async fn pipeline(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let (found, connection) = self.current().await;
        let answer = pipeline.query_async(&mut connection?).await;
        self.noted(&found, answer)
    }

    /// The connection of now. Whoever comes first makes it, all others wait for that one.
    async fn current(&self) -> (Arc<Found>, RedisResult<MultiplexedConnection>) {
        let found = Arc::clone(&self.found.lock().unwrap_or_else(PoisonError::into_inner));
        // In a box: it is rare and large, and would make every call's future as large.
        let connection = found.get_or_init(|| Box::pin(self.find())).await.clone();
        if connection.is_err() {
            self.forget(&found);
        }
        (found, connection)
    }

    async fn find(&self) -> RedisResult<MultiplexedConnection> {
        let mut client = self.client()?;
        let address = self.master.as_deref().or(self.sentinels.first());
        let timeout = address.map_or(RESPONSE, |address| address.timeout);
        let config =
            AsyncConnectionConfig::new().set_response_timeout(Some(timeout)).set_connection_timeout(Some(CONNECT));
        let connection = client.get_async_connection_with_config(&config);
        tokio::time::timeout(FIND, connection).await.unwrap_or_else(|_| {
            Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "the master wasn't found in time").into())
        })
    }

    fn noted<T>(&self, found: &Arc<Found>, answer: RedisResult<T>) -> RedisResult<T> {
        if answer.as_ref().is_err_and(is_lost) {
            self.forget(found);
        }
        answer
    }

    /// Only if nobody else has found another one meanwhile.
    fn forget(&self, lost: &Arc<Found>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&found, lost) {
            *found = Arc::default();
        }
    }
}

/// Whether this may no longer be the master. A late answer counts: a machine that is gone says nothing.
fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || takes_no_writes(error)
}
