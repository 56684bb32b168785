//! A connection to the current master.
//!
//! The client asks the sentinels when it connects, and never again, so it would not find the
//! successor of a lost master. Here, each new connection asks them again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_store::store::StoreError;
use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, ConnectionAddr, ProtocolVersion, RedisResult, TlsMode};

use crate::address::{Address, socket};
use crate::error::failed;
use crate::kept::{Closed, Dial, Kept, Speech};

/// The timeout for finding the master: several sentinels may have to be asked.
const FIND: Duration = Duration::from_secs(3);

pub(crate) type Sentinel = Kept<Master>;

/// The sentinels, and the name of the master.
pub(crate) struct Master {
    sentinels: Arc<[Address]>,
    name: Arc<str>,
    /// The login of the master, if a URL contains one.
    login: Option<Arc<Address>>,
    speech: Speech,
    /// The number of connections for the calls of the store so far.
    dials: Arc<AtomicUsize>,
}

impl Master {
    pub(crate) fn new(sentinels: &[impl AsRef<str>], master: &str) -> Result<Self, StoreError> {
        let sentinels = sentinels.iter().map(|url| Address::parse(url.as_ref())).collect::<Result<_, _>>()?;
        let (mut name, mut address) = (Arc::from(master), None::<Arc<Address>>);
        if master.contains("://") {
            let parsed = Address::parse(master)?;
            name = match parsed.information.addr() {
                ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.as_str().into(),
                ConnectionAddr::Unix(_) | _ => return Err(failed("the master's URL contains no name")),
            };
            address = Some(Arc::new(parsed));
        }
        let speech = Speech::of(address.as_ref().and_then(|address| address.protocol));
        Ok(Self { sentinels, name, login: address, speech, dials: Arc::default() })
    }

    /// Returns whether the URL of the master asks for writes to be on disk.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.login.as_ref().is_some_and(|address| address.disk)
    }

    /// Creates a separate connection to the same master.
    pub(crate) fn another(&self) -> Self {
        let (sentinels, name) = (Arc::clone(&self.sentinels), Arc::clone(&self.name));
        let speech = Speech::of(self.login.as_ref().and_then(|address| address.protocol));
        Self { sentinels, name, login: self.login.clone(), speech, dials: Arc::clone(&self.dials) }
    }

    /// Returns the login of the master, with the timeout of its URL or of the sentinels'.
    pub(crate) fn address(&self) -> Option<&Address> {
        self.login.as_deref().or(self.sentinels.first())
    }

    /// Returns the number of connections for the calls of the store so far. Each may lead to
    /// another master.
    pub(crate) fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }

    fn client(&self, protocol: ProtocolVersion) -> RedisResult<SentinelClient> {
        let addresses = self.sentinels.iter().map(|sentinel| sentinel.information.addr().clone());
        let mut builder = SentinelClientBuilder::new(addresses, &self.name, SentinelServerType::Master)?
            .set_client_to_sentinel_tcp_settings(socket())
            .set_client_to_redis_tcp_settings(socket())
            .set_client_to_redis_protocol(protocol);
        if let Some(sentinel) = self.sentinels.first() {
            let login = sentinel.information.redis_settings();
            if let Some(name) = login.username() {
                builder = builder.set_client_to_sentinel_username(name);
            }
            if let Some(password) = login.password() {
                builder = builder.set_client_to_sentinel_password(password);
            }
            #[cfg(feature = "tls")]
            if let Some(certificates) = &sentinel.certificates {
                builder = builder.set_client_to_sentinel_certificates(certificates.clone());
            }
        }
        let Some(master) = &self.login else { return builder.build() };
        let login = master.information.redis_settings();
        builder = builder.set_client_to_redis_db(login.db());
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

    async fn connect(&self, closed: &Closed, protocol: ProtocolVersion) -> RedisResult<MultiplexedConnection> {
        self.open(&closed.config(self.address(), protocol), protocol).await
    }

    /// Asks the sentinels for the master, and connects to it.
    pub(crate) async fn open(
        &self,
        config: &AsyncConnectionConfig,
        protocol: ProtocolVersion,
    ) -> RedisResult<MultiplexedConnection> {
        let mut client = self.client(protocol)?;
        let connection = client.get_async_connection_with_config(config);
        tokio::time::timeout(FIND, connection).await.unwrap_or_else(|_| {
            Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "the master wasn't found in time").into())
        })
    }
}

impl Dial for Master {
    async fn dial(&self, closed: &Closed) -> RedisResult<MultiplexedConnection> {
        self.dials.fetch_add(1, Ordering::SeqCst);
        match self.connect(closed, self.speech.wanted()).await {
            Err(error) if self.speech.gives_way(&error) => self.connect(closed, self.speech.wanted()).await,
            answer => answer,
        }
    }
}
