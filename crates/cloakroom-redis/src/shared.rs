//! The shared connection, for records of other frameworks in the bridge crate.

use std::fmt;
use std::sync::Arc;

use cloakroom_store::store::StoreError;
use redis::aio::ConnectionLike;
use redis::{Arg, Cmd, Pipeline, RedisFuture, Value};

use crate::address::Address;
use crate::kept::Repeat;
use crate::link::Link;
use crate::managed::Managed;
use crate::redis_store::RedisStore;

/// A connection to one server that is replaced when it seems to be broken.
///
/// It uses the same rules as the connection of `RedisStore`.
#[derive(Clone)]
pub struct KeptConnection {
    managed: Arc<Managed>,
    db: i64,
}

impl KeptConnection {
    /// Connects, with the options of `RedisStore::connect`.
    ///
    /// # Errors
    /// As for `RedisStore::connect`.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let db = address.information.redis_settings().db();
        let managed = Arc::new(Managed::of(address));
        RedisStore::reached(Link::Managed(Arc::clone(&managed))).await?;
        Ok(Self { managed, db })
    }
}

impl ConnectionLike for KeptConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let harmless = matches!(command.args_iter().next(), Some(Arg::Simple(b"GET" | b"DEL")));
        let repeat = if harmless { Repeat::Harmless } else { Repeat::Never };
        Box::pin(self.managed.command(command, repeat))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let values = self.managed.pipeline(pipeline, Repeat::Never).await?;
            Ok(values.into_iter().skip(offset).take(count).collect())
        })
    }

    fn get_db(&self) -> i64 {
        self.db
    }
}

impl fmt::Debug for KeptConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may contain a password.
        f.debug_struct("KeptConnection").field("db", &self.db).finish_non_exhaustive()
    }
}
