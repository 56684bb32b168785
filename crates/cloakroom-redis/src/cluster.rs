//! Many masters, each with a part of the keys.
//!
//! A session is one key, on one server. What takes two keys there takes two steps here, in an order in which a failure between them
//! loses nothing: into the index before the session can be seen, the new session before the mark under the old key.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Entry, Loaded, Owned, Replaced, Store as _, StoreError};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Cmd, ErrorKind, Pipeline, RedisResult, Value};

use crate::call::Call;
use crate::error::{self, failed, unexpected};
use crate::fields::{Field, bytes, hex, parse_hex, ttl};
use crate::link::{CONNECT, Link, RESPONSE, Target, information, socket};
use crate::operations::{Said, Told};
use crate::owners::oldest_first;
use crate::redis_store::RedisStore;
use crate::scripts;

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
    /// - An index of an owner lives by itself. Writing a session that has an owner is one round trip more, signing it out too,
    ///   and listing an owner's sessions is one per session.
    /// - [`cycle`](cloakroom_store::Store::cycle) creates the new session first and marks the old key second. A failure between them is an
    ///   error that leaves the old session as it was, and a new one whose id nobody knows, until its deadline.
    /// - A lost master takes all sessions with it, unless the Cluster's configuration says `cluster-require-full-coverage no`.
    /// - The client tries calls again by itself. Each write carries a mark, so that one which was done is not done twice.
    ///
    /// # Errors
    /// When a URL makes no sense, or none of the servers answers as one of a Cluster.
    pub async fn connect_cluster(urls: &[impl AsRef<str>]) -> Result<Self, StoreError> {
        let connection = connect(urls).await.map_err(|error| error::of(&error))?;
        Ok(Self::new(Link::Cluster(connection)))
    }

    /// Uses a connection to a Cluster that the application has.
    #[must_use]
    pub fn from_cluster(connection: ClusterConnection) -> Self {
        Self::new(Link::Cluster(connection))
    }
}

async fn connect(urls: &[impl AsRef<str>]) -> RedisResult<ClusterConnection> {
    let nodes = urls.iter().map(|url| information(url.as_ref())).collect::<RedisResult<Vec<_>>>()?;
    let client = ClusterClient::builder(nodes)
        .tcp_settings(socket())
        .connection_timeout(CONNECT)
        .response_timeout(RESPONSE)
        .overall_response_timeout(Some(RESPONSE))
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

/// A slot of each master, to reach it by.
pub(crate) async fn masters(cluster: &ClusterConnection) -> Result<Vec<Target<'static>>, StoreError> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let routing = RoutingInfo::SingleNode(SingleNodeRoutingInfo::RandomPrimary);
    let ranges = cluster.clone().route_command(command, routing).await.map_err(|error| error::of(&error))?;
    let Value::Array(ranges) = ranges else { return Err(unexpected()) };
    let mut masters = HashMap::new();
    for range in ranges {
        let Value::Array(range) = range else { return Err(unexpected()) };
        let mut range = range.into_iter();
        let (Some(Value::Int(first)), Some(_), Some(Value::Array(node))) = (range.next(), range.next(), range.next())
        else {
            return Err(unexpected());
        };
        // Address, port, id.
        let id = node.into_iter().nth(2).and_then(bytes).ok_or_else(unexpected)?;
        masters.insert(id, Target::Slot(u16::try_from(first).map_err(|_| unexpected())?));
    }
    Ok(masters.into_values().collect())
}

/// Marks by which a server knows a call that it has seen: a random beginning, and a count.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    beginning: OnceLock<u64>,
    count: AtomicU64,
}

impl Calls {
    pub(crate) fn next(&self) -> Result<String, StoreError> {
        let beginning = match self.beginning.get() {
            Some(beginning) => *beginning,
            None => {
                let random = cloakroom_session::random().map(u64::from_le_bytes).map_err(StoreError::unavailable)?;
                *self.beginning.get_or_init(|| random)
            }
        };
        Ok(format!("{beginning:016x}{:x}", self.count.fetch_add(1, Ordering::Relaxed)))
    }
}

impl RedisStore {
    /// Into the index of its owner, before the session can be seen: a list that misses a session lets it survive a "sign out everywhere".
    pub(crate) async fn list_elsewhere(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<(), StoreError> {
        match &entry.owner {
            Some(owner) if self.is_cluster() => self.list(key, owner, &ttl(entry.deadline, now), now).await,
            _ => Ok(()),
        }
    }

    pub(crate) async fn list(&self, key: &StoreKey, owner: &str, ttl: &str, now: Timestamp) -> Result<(), StoreError> {
        let (index, member) = (self.index(owner), hex(key));
        let arguments = Told { ttl, ..Told::at(now) }.arguments(true);
        let (keys, more) = ([index.as_str()], [Field::Text(&member)]);
        let target = Target::Key(&index);
        let call =
            Call { script: &scripts::LIST, keys: &keys, arguments: &arguments, more: &more, target, about: None };
        call.write(&self.link, self.durability).await.map(|_| ())
    }

    /// Out of the index. Whoever reads the index looks at the session as well: one too many there does no harm.
    pub(crate) async fn unlist(&self, key: &StoreKey, owner: &str) {
        let index = self.index(owner);
        let mut command = redis::cmd("ZREM");
        command.arg(&index).arg(hex(key));
        if let Err(error) = self.link.command(command, Target::Key(&index)).await {
            tracing::debug!(?key, error = %error::of(&error), "a session that has ended is still in the index of its owner");
        }
    }

    pub(crate) async fn sessions_one_by_one(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        let index = self.index(owner);
        let mut command = redis::cmd("ZRANGE");
        command.arg(&index).arg(0).arg(-1);
        let members = self.link.command(command, Target::Key(&index)).await.map_err(|error| error::of(&error))?;
        let Value::Array(members) = members else { return Err(unexpected()) };
        let mut found = Vec::with_capacity(members.len());
        for member in members {
            let key = bytes(member).and_then(|digits| parse_hex(&digits)).ok_or_else(unexpected)?;
            // One that isn't there may be about to be created: it stays in the index until its time is over.
            if let Loaded::Live(_, entry) = self.load(&key, now).await?
                && entry.owner.as_deref() == Some(owner)
            {
                found.push(Owned::new(key, entry));
            }
        }
        Ok(oldest_first(found))
    }

    pub(crate) async fn cycle_in_two(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        match self.create(new, entry, now).await? {
            Created::Yes(_) => {}
            Created::Taken => return Err(failed("the new key of a session that moves is taken")),
        }
        let marked = self.mark(old, seen, new, moved_until, now).await;
        // After an error nobody knows whether the mark is there: if it is, this is the session.
        if matches!(marked, Ok(Replaced::Conflict | Replaced::Gone)) {
            // Nobody knows its id. If this fails, its deadline ends it.
            let taken_back = self.end(new, now).await;
            tracing::debug!(key = ?new, ?taken_back, "a session that couldn't move");
        }
        marked
    }

    async fn mark(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (call, digits, marked) = (self.call_mark()?, hex(new), ttl(Some(moved_until), now));
        let told = Told { call: &call, seen: Field::Number(seen.number()), ..Told::at(now) };
        let more = [Field::Text(&digits), Field::Number(moved_until.unix_millis()), Field::Text(&marked)];
        match self.say(&scripts::MARK, old, &[&self.key(old)], &told, &more).await? {
            Said::Number(0) => Ok(Replaced::Gone),
            Said::Number(2) => Ok(Replaced::Conflict),
            Said::Owner(owner) => {
                self.unlist(old, &owner).await;
                Ok(Replaced::Yes(Version::new(1)))
            }
            Said::Number(1) => Ok(Replaced::Yes(Version::new(1))),
            Said::Number(_) | Said::Elsewhere(_) => Err(unexpected()),
        }
    }

    /// A session that moved to another server while a scan went on, and on from there.
    pub(crate) async fn end_moved(
        &self,
        key: &StoreKey,
        point: Timestamp,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut ended = 0;
        let mut next = vec![*key];
        while let Some(key) = next.pop() {
            let name = self.key(&key);
            let step = self.step(&[&name], Target::Key(&name), "0", point, now).await?;
            ended += step.ended;
            next.extend(step.elsewhere);
        }
        Ok(ended)
    }
}
