//! The connections of a store.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_store::store::StoreError;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};

use crate::address::Address;
use crate::kept::Repeat;
use crate::managed::Managed;
use crate::target::Target;

type Answer<'a, T> = Pin<Box<dyn Future<Output = RedisResult<T>> + Send + 'a>>;

#[derive(Clone)]
pub(crate) enum Link {
    /// Reconnects by itself.
    Managed(Arc<Managed>),
    /// Supplied by the application.
    Given(Arc<dyn Given>),
    #[cfg(feature = "sentinel")]
    Sentinel(Arc<crate::sentinel::Sentinel>),
    #[cfg(feature = "cluster")]
    Cluster(Arc<crate::cluster::Clustered>),
}

/// A connection with its type erased.
pub(crate) trait Given: Send + Sync {
    fn command<'a>(&self, command: &'a Cmd) -> Answer<'a, Value>;
    fn pipeline<'a>(&self, pipeline: &'a Pipeline) -> Answer<'a, Vec<Value>>;
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Given for C {
    fn command<'a>(&self, command: &'a Cmd) -> Answer<'a, Value> {
        let mut connection = self.clone();
        Box::pin(async move { command.query_async(&mut connection).await })
    }

    fn pipeline<'a>(&self, pipeline: &'a Pipeline) -> Answer<'a, Vec<Value>> {
        let mut connection = self.clone();
        Box::pin(async move { pipeline.query_async(&mut connection).await })
    }
}

impl Link {
    /// Creates the managed connection to one server.
    pub(crate) fn to(address: Address) -> Self {
        Self::Managed(Arc::new(Managed::of(address)))
    }

    /// Creates separate connections to the same servers. Connections supplied by the application
    /// are returned unchanged.
    pub(crate) async fn another(&self) -> RedisResult<Self> {
        match self {
            Self::Managed(managed) => Ok(Self::to(managed.dial.address.clone())),
            Self::Given(_) => Ok(self.clone()),
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => Ok(Self::Sentinel(Arc::new(crate::kept::Kept::new(sentinel.dial.another())))),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => {
                let another = cluster.another().await?;
                Ok(another.map_or_else(|| self.clone(), |another| Self::Cluster(Arc::new(another))))
            }
        }
    }

    /// Returns the name for `Debug`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Managed(_) => "server",
            Self::Given(_) => "given",
            #[cfg(feature = "sentinel")]
            Self::Sentinel(_) => "sentinel",
            #[cfg(feature = "cluster")]
            Self::Cluster(..) => "cluster",
        }
    }

    /// Returns one target per server with sessions, always in the same order.
    pub(crate) async fn servers(&self) -> Result<Vec<Target<'static>>, StoreError> {
        #[cfg(feature = "cluster")]
        if let Self::Cluster(cluster) = self {
            return crate::cluster::masters(cluster).await;
        }
        Ok(vec![Target::Key(b"")])
    }

    /// Sends one command, and returns its reply unless that is an error.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "only a Cluster has a choice of servers"))]
    pub(crate) async fn command(&self, command: Cmd, target: Target<'_>, repeat: Repeat) -> RedisResult<Value> {
        match self {
            Self::Managed(managed) => managed.command(&command, repeat).await,
            Self::Given(given) => given.command(&command).await,
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.command(&command, repeat).await,
            #[cfg(feature = "cluster")]
            // The client retries by itself: each write carries a mark.
            Self::Cluster(cluster) => cluster.command(command, target).await,
        }
    }

    /// Sends several commands together.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "only a Cluster has a choice of servers"))]
    pub(crate) async fn pipeline(
        &self,
        pipeline: Pipeline,
        target: Target<'_>,
        repeat: Repeat,
    ) -> RedisResult<Vec<Value>> {
        let answers = match self {
            Self::Managed(managed) => managed.pipeline(&pipeline, repeat).await,
            Self::Given(given) => given.pipeline(&pipeline).await,
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.pipeline(&pipeline, repeat).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.pipeline(pipeline, target).await,
        };
        answers.map_err(first_of)
    }
}

/// Returns the first error of a pipeline's commands as the server sent it. The client wraps them
/// into one error without code and text.
fn first_of(error: RedisError) -> RedisError {
    let first = error.clone().into_server_errors().and_then(|errors| errors.first().map(|(_, first)| first.clone()));
    first.map_or(error, RedisError::from)
}
