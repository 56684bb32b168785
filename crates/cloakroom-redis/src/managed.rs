//! The connection to one server.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ProtocolVersion, RedisResult};

use crate::address::Address;
use crate::kept::{Closed, Dial, Kept, Speech};

/// Pauses between attempts to reach a server that is down. Callers wait for them, so a restart may
/// take at most this long.
const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(150)];

pub(crate) type Managed = Kept<Server>;

/// The address of a server, and its protocol.
pub(crate) struct Server {
    pub(crate) address: Address,
    speech: Speech,
}

impl Managed {
    pub(crate) fn of(address: Address) -> Self {
        let speech = Speech::of(address.protocol);
        Self::new(Server { address, speech })
    }
}

impl Server {
    async fn connect(&self, closed: &Closed, protocol: ProtocolVersion) -> RedisResult<MultiplexedConnection> {
        open(&self.address, &closed.config(Some(&self.address), protocol), protocol).await
    }
}

/// Connects to a server.
pub(crate) async fn open(
    address: &Address,
    config: &AsyncConnectionConfig,
    protocol: ProtocolVersion,
) -> RedisResult<MultiplexedConnection> {
    let information = address.information.clone();
    let settings = information.redis_settings().clone().set_protocol(protocol);
    let client = Client::open(information.set_redis_settings(settings))?;
    client.get_multiplexed_async_connection_with_config(config).await
}

impl Dial for Server {
    async fn dial(&self, closed: &Closed) -> RedisResult<MultiplexedConnection> {
        let mut pauses = PAUSES.iter();
        loop {
            match self.connect(closed, self.speech.wanted()).await {
                Err(error) if self.speech.gives_way(&error) => {}
                Err(error) if error.is_connection_dropped() && !error.is_timeout() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                },
                answer => return answer,
            }
        }
    }
}
