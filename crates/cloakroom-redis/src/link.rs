//! The connections behind a store.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisResult, Value};

use crate::address::Address;
use crate::managed::Managed;

type Answer<'a, T> = Pin<Box<dyn Future<Output = RedisResult<T>> + Send + 'a>>;

/// Which server of a Cluster a command is for; one server takes all.
#[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "only a Cluster looks at it"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    Key(&'a str),
    #[cfg(feature = "cluster")]
    Slot(u16),
}

#[derive(Clone)]
pub(crate) enum Link {
    /// Reconnects by itself.
    Managed(Arc<Managed>),
    /// The application's own.
    Given(Arc<dyn Given>),
    #[cfg(feature = "sentinel")]
    Sentinel(Arc<crate::sentinel::Sentinel>),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster_async::ClusterConnection, Arc<[Address]>),
}

/// A connection whose type was forgotten.
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
    /// One server's connection, kept up.
    pub(crate) async fn connect(address: Address) -> RedisResult<Self> {
        Ok(Self::Managed(Arc::new(Managed::connect(address).await?)))
    }

    /// Connections of their own to the same servers. Those that the application gave are the only ones there are.
    pub(crate) async fn another(&self) -> RedisResult<Self> {
        match self {
            Self::Managed(managed) => Self::connect(managed.address.clone()).await,
            Self::Given(_) => Ok(self.clone()),
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => Ok(Self::Sentinel(Arc::new(sentinel.another()))),
            #[cfg(feature = "cluster")]
            Self::Cluster(_, addresses) if addresses.is_empty() => Ok(self.clone()),
            #[cfg(feature = "cluster")]
            Self::Cluster(_, addresses) => crate::cluster::connect(Arc::clone(addresses)).await,
        }
    }

    /// What this is called in `Debug`.
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

    /// Sends one command, and answers with what isn't an error.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "only a Cluster has a choice of servers"))]
    pub(crate) async fn command(&self, command: Cmd, target: Target<'_>) -> RedisResult<Value> {
        match self {
            Self::Managed(managed) => managed.command(&command).await,
            Self::Given(given) => given.command(&command).await,
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.command(&command).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster, _) => crate::cluster::command(cluster, command, target).await,
        }
    }

    /// Sends commands together.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "only a Cluster has a choice of servers"))]
    pub(crate) async fn pipeline(&self, pipeline: Pipeline, target: Target<'_>) -> RedisResult<Vec<Value>> {
        match self {
            Self::Managed(managed) => managed.pipeline(&pipeline).await,
            Self::Given(given) => given.pipeline(&pipeline).await,
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.pipeline(&pipeline).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster, _) => crate::cluster::pipeline(cluster, pipeline, target).await,
        }
    }
}
