//! Connections to a Cluster: many masters, each with a part of the keys.
//!
//! A session is one key on one server. Operations on two keys are in `index` and `steps`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_store::store::StoreError;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Cmd, ErrorKind, Pipeline, ProtocolVersion, RedisError, RedisResult, Value};

use crate::address::{Address, CONNECT, RESPONSE, socket};
use crate::error::{self, unexpected};
use crate::kept::Speech;
use crate::layout::bytes;
use crate::target::Target;

/// The number of times that the client follows a key to another server, or retries a call on a
/// broken connection.
const RETRIES: u32 = 4;

/// The shortest and the longest pause between retries, in milliseconds.
const RETRY_WAIT: (u64, u64) = (20, 200);

/// The timeout of new connections that replace silent ones.
const PROBE: Duration = Duration::from_secs(3);

/// The pause after a replacement that didn't answer either.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections to a Cluster.
///
/// The client repairs most broken connections by itself. Two errors can last for ever: a connection
/// that stays silent, and a client without any connection. After these, the whole client is
/// replaced.
pub(crate) struct Clustered {
    /// Addresses of some of its servers; empty if the application supplied the connections.
    addresses: Arc<[Address]>,
    speech: Speech,
    current: Mutex<ClusterConnection>,
    /// `true` while replacement connections are being tested.
    probes: AtomicBool,
}

impl Clustered {
    pub(crate) async fn connect(addresses: Arc<[Address]>) -> RedisResult<Self> {
        let speech = Speech::of(addresses.iter().find_map(|address| address.protocol));
        let connection = spoken(&addresses, &speech).await?;
        Ok(Self { addresses, speech, current: Mutex::new(connection), probes: AtomicBool::new(false) })
    }

    pub(crate) fn given(connection: ClusterConnection) -> Self {
        let (addresses, speech) = (Arc::default(), Speech::of(None));
        Self { addresses, speech, current: Mutex::new(connection), probes: AtomicBool::new(false) }
    }

    /// Creates separate connections to the same servers. Returns `None` if the application supplied
    /// the connections.
    pub(crate) async fn another(&self) -> RedisResult<Option<Self>> {
        if self.addresses.is_empty() {
            return Ok(None);
        }
        Self::connect(Arc::clone(&self.addresses)).await.map(Some)
    }

    pub(crate) async fn command(self: &Arc<Self>, command: Cmd, target: Target<'_>) -> RedisResult<Value> {
        let route = route(target)?;
        let answer = self.current().route_command(command, RoutingInfo::SingleNode(route.clone())).await;
        self.note(&answer, route);
        answer?.extract_error()
    }

    pub(crate) async fn pipeline(self: &Arc<Self>, pipeline: Pipeline, target: Target<'_>) -> RedisResult<Vec<Value>> {
        let (route, count) = (route(target)?, pipeline.len());
        let answer = self.current().route_pipeline(pipeline, 0, count, route.clone()).await;
        self.note(&answer, route);
        answer?.into_iter().map(Value::extract_error).collect()
    }

    fn current(&self) -> ClusterConnection {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// After an error that can last for ever, tests replacement connections in the background.
    fn note<T>(self: &Arc<Self>, answer: &RedisResult<T>, route: SingleNodeRoutingInfo) {
        let lasting = answer.as_ref().is_err_and(|error| error.is_timeout() || has_no_connection(error));
        if !lasting || self.addresses.is_empty() || self.probes.swap(true, Ordering::SeqCst) {
            return;
        }
        let this = Arc::clone(self);
        drop(tokio::spawn(async move {
            // If the server itself hangs, replacing the connections to the others gains nothing.
            if let Ok(Ok(fresh)) = tokio::time::timeout(PROBE, answering(&this, route)).await {
                *this.current.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
            } else {
                tokio::time::sleep(PAUSE).await;
            }
            this.probes.store(false, Ordering::SeqCst);
        }));
    }
}

/// Returns whether the client knows no server that it could ask.
///
/// If all connections break while it refreshes its table of slots, the client keeps refreshing
/// through connections that it no longer has, and answers every request with this error.
fn has_no_connection(error: &RedisError) -> bool {
    error.kind() == ErrorKind::ClusterConnectionNotFound
}

/// Creates new connections, and waits until the server of this route answers on them.
async fn answering(cluster: &Clustered, route: SingleNodeRoutingInfo) -> RedisResult<ClusterConnection> {
    let mut fresh = spoken(&cluster.addresses, &cluster.speech).await?;
    match fresh.route_command(redis::cmd("PING"), RoutingInfo::SingleNode(route)).await {
        Err(error) if error.is_io_error() || has_no_connection(&error) => Err(error),
        // Any reply will do.
        Ok(_) | Err(_) => Ok(fresh),
    }
}

async fn spoken(addresses: &[Address], speech: &Speech) -> RedisResult<ClusterConnection> {
    match connect(addresses, speech.wanted()).await {
        Err(error) if speech.gives_way(&error) => connect(addresses, speech.wanted()).await,
        answer => answer,
    }
}

async fn connect(addresses: &[Address], protocol: ProtocolVersion) -> RedisResult<ClusterConnection> {
    let timeout =
        addresses.iter().map(|address| address.timeout).find(|timeout| *timeout != RESPONSE).unwrap_or(RESPONSE);
    #[cfg(feature = "tls")]
    let certificates = addresses.iter().find_map(|address| address.certificates.clone());
    let information = addresses.iter().map(|address| {
        let information = address.information.clone();
        let settings = information.redis_settings().clone().set_protocol(protocol);
        information.set_redis_settings(settings)
    });
    let builder = ClusterClient::builder(information);
    #[cfg(feature = "tls")]
    let builder = match certificates {
        Some(certificates) => builder.certs(certificates),
        None => builder,
    };
    let client = builder
        .use_protocol(protocol)
        .tcp_settings(socket())
        .connection_timeout(CONNECT)
        .response_timeout(timeout)
        .overall_response_timeout(Some(timeout))
        .retries(RETRIES)
        .min_retry_wait(RETRY_WAIT.0)
        .max_retry_wait(RETRY_WAIT.1)
        .build()?;
    client.get_async_connection().await
}

fn route(target: Target<'_>) -> RedisResult<SingleNodeRoutingInfo> {
    let slot = match target {
        Target::Key(key) => Slot::for_key(key),
        Target::Slot(slot) => Slot::new(slot).ok_or((ErrorKind::Client, "there is no such slot"))?,
    };
    // Never a replica: its data may be older than the version that the caller has seen.
    Ok(SingleNodeRoutingInfo::SpecificNode(Route::with_slot(slot, SlotAddr::Master)))
}

/// The most names that are tried for a slot. Each name falls into one of 16,384 slots.
const MOST_NAMES: u32 = 300_000;

/// Finds a name that begins with `front` and lies in the slot of this target. Returns `None` if a
/// hash tag in the prefix sends all keys to one slot.
pub(crate) fn unused_name(front: &str, target: Target<'_>) -> Option<String> {
    let slot = match target {
        Target::Key(key) => Slot::for_key(key),
        Target::Slot(slot) => Slot::new(slot)?,
    };
    let name = |number: u32| format!("{front}{number}");
    let slot_of = |number: u32| Slot::for_key(name(number).as_bytes());
    if slot_of(0) == slot_of(1) && slot_of(1) == slot_of(2) {
        return None;
    }
    (0..MOST_NAMES).find(|number| slot_of(*number) == slot).map(name)
}

/// Returns the first slot of each master, as its address, in the order of slots.
pub(crate) async fn masters(cluster: &Arc<Clustered>) -> Result<Vec<Target<'static>>, StoreError> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let route = SingleNodeRoutingInfo::RandomPrimary;
    let answer = cluster.current().route_command(command, RoutingInfo::SingleNode(route.clone())).await;
    cluster.note(&answer, route);
    let ranges = answer.map_err(|error| error::of(&error))?;
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

#[cfg(test)]
mod tests {
    use redis::cluster_routing::Slot;

    use super::unused_name;
    use crate::target::Target;

    #[test]
    fn a_name_is_found_for_every_server() {
        for slot in [0, 1, 5461, 10923, 16383] {
            let name = unused_name("cloakroom:w:", Target::Slot(slot)).unwrap();
            assert_eq!(Some(Slot::for_key(name.as_bytes())), Slot::new(slot), "{name}");
        }
        assert_eq!(unused_name("cloakroom:w:", Target::Slot(16384)), None);
        // A hash tag is all that counts.
        assert_eq!(unused_name("{shop}:w:", Target::Slot(0)), None);
    }
}
