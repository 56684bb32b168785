//! Many masters, each with a part of the keys.
//!
//! A session is one key, on one server. What takes two keys elsewhere is in `index` and `steps`.

use std::collections::HashMap;
use std::sync::Arc;

use cloakroom_store::StoreError;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Cmd, ErrorKind, Pipeline, RedisResult, Value};

use crate::address::{Address, CONNECT, RESPONSE, socket};
use crate::error::{self, unexpected};
use crate::layout::bytes;
use crate::link::{Link, Target};
use crate::redis_store::RedisStore;

/// How often the client follows a key to another server, or tries again what a broken connection may have swallowed.
const RETRIES: u32 = 4;

/// Milliseconds between them.
const RETRY_WAIT: (u64, u64) = (20, 200);

impl RedisStore {
    /// Connects to a Cluster, of which these servers are some.
    ///
    /// A call about a session goes to the one master that has it: when another one is lost, nobody else's session notices.
    /// What differs from one server:
    ///
    /// - [`cycle`](cloakroom_store::Store::cycle) creates the new session first and marks the old key second: one wait more. A failure between them is an
    ///   error that leaves the old session as it was, and a new one whose id nobody knows, until its deadline.
    /// - An index of an owner lives by itself. Creating a session with an owner needs both servers, at the same time, and counts only if both have done it; after that the session
    ///   needs the index only rarely. A crash in between leaves a session whose id nobody knows and which isn't listed. While the server of an index is lost,
    ///   its owner can't sign in; who is signed in goes on, and can sign out.
    /// - [`owned`](cloakroom_store::Store::owned) is no snapshot: it reads the index, and then each session, where it is by then. Where the server of an index lost
    ///   acknowledged writes, sessions on other servers can be missing in it, a remembered one until it ends: see [`RedisStore::durability`].
    /// - [`end_before`](cloakroom_store::Store::end_before) goes through the servers that there were when it began: not while slots move from one to another.
    /// - A lost master takes all sessions with it, unless the Cluster's configuration says `cluster-require-full-coverage no`.
    /// - The client tries calls again by itself. Each write carries a mark, so that one which was done is not done twice, unless somebody else wrote in between:
    ///   that is a conflict then, and its changes are done once more on the newer version.
    ///
    /// `timeout`, `ca`, `cert` and `key` count for all servers, and are taken from the first URL that has them.
    ///
    /// # Errors
    /// When a URL makes no sense, or none of the servers answers as one of a Cluster.
    pub async fn connect_cluster(urls: &[impl AsRef<str>]) -> Result<Self, StoreError> {
        let addresses = urls.iter().map(|url| Address::parse(url.as_ref())).collect::<Result<Vec<_>, _>>()?;
        connect(addresses.into()).await.map(Self::new).map_err(|error| error::of(&error))
    }

    /// Uses a connection to a Cluster that the application has.
    #[must_use]
    pub fn from_cluster(connection: ClusterConnection) -> Self {
        Self::new(Link::Cluster(connection, Arc::default()))
    }
}

pub(crate) async fn connect(addresses: Arc<[Address]>) -> RedisResult<Link> {
    let timeout =
        addresses.iter().map(|address| address.timeout).find(|timeout| *timeout != RESPONSE).unwrap_or(RESPONSE);
    #[cfg(feature = "tls")]
    let certificates = addresses.iter().find_map(|address| address.certificates.clone());
    let builder = ClusterClient::builder(addresses.iter().map(|address| address.information.clone()));
    #[cfg(feature = "tls")]
    let builder = match certificates {
        Some(certificates) => builder.certs(certificates),
        None => builder,
    };
    let client = builder
        .tcp_settings(socket())
        .connection_timeout(CONNECT)
        .response_timeout(timeout)
        .overall_response_timeout(Some(timeout))
        .retries(RETRIES)
        .min_retry_wait(RETRY_WAIT.0)
        .max_retry_wait(RETRY_WAIT.1)
        .build()?;
    Ok(Link::Cluster(client.get_async_connection().await?, addresses))
}

fn route(target: Target<'_>) -> RedisResult<SingleNodeRoutingInfo> {
    let slot = match target {
        Target::Key(key) => Slot::for_key(key),
        Target::Slot(slot) => Slot::new(slot).ok_or((ErrorKind::Client, "there is no such slot"))?,
    };
    // Never a replica: what it has may be older than what the caller has seen.
    Ok(SingleNodeRoutingInfo::SpecificNode(Route::with_slot(slot, SlotAddr::Master)))
}

pub(crate) async fn command(cluster: &ClusterConnection, command: Cmd, target: Target<'_>) -> RedisResult<Value> {
    let routing = RoutingInfo::SingleNode(route(target)?);
    cluster.clone().route_command(command, routing).await?.extract_error()
}

pub(crate) async fn pipeline(
    cluster: &ClusterConnection,
    pipeline: Pipeline,
    target: Target<'_>,
) -> RedisResult<Vec<Value>> {
    let count = pipeline.len();
    let values = cluster.clone().route_pipeline(pipeline, 0, count, route(target)?).await?;
    values.into_iter().map(Value::extract_error).collect()
}

/// The first slot of each master, to reach it by; in the order of slots.
pub(crate) async fn masters(cluster: &ClusterConnection) -> Result<Vec<Target<'static>>, StoreError> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let routing = RoutingInfo::SingleNode(SingleNodeRoutingInfo::RandomPrimary);
    let ranges = cluster.clone().route_command(command, routing).await.map_err(|error| error::of(&error))?;
    let Value::Array(ranges) = ranges else { return Err(unexpected()) };
    let mut masters: HashMap<Vec<u8>, u16> = HashMap::new();
    for range in ranges {
        let Value::Array(range) = range else { return Err(unexpected()) };
        let mut range = range.into_iter();
        let (Some(Value::Int(first)), Some(_), Some(Value::Array(node))) = (range.next(), range.next(), range.next())
        else {
            return Err(unexpected());
        };
        // Address, port, id.
        let id = node.into_iter().nth(2).and_then(bytes).ok_or_else(unexpected)?;
        let first = u16::try_from(first).map_err(|_| unexpected())?;
        masters.entry(id).and_modify(|slot| *slot = first.min(*slot)).or_insert(first);
    }
    let mut slots: Vec<u16> = masters.into_values().collect();
    slots.sort_unstable();
    Ok(slots.into_iter().map(Target::Slot).collect())
}
