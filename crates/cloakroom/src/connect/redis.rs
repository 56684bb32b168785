//! URLs of Redis and Valkey.

use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_store::AnyStore;
use cloakroom_store::store::StoreError;

use super::ConnectError;
use super::options::Parameters;
#[cfg(feature = "redis-sentinel")]
use super::parts::port_of;
use super::parts::{self, Parts};

/// Default timeout for replicas to confirm a write: half of the timeout of a call.
const CONFIRMATION: Duration = Duration::from_millis(500);

/// The part of a scheme after the plus sign.
enum Kind {
    Single,
    Socket,
    #[cfg(feature = "redis-sentinel")]
    Sentinel,
    #[cfg(feature = "redis-cluster")]
    Cluster,
}

/// Returns the client's scheme and the kind of server, or `None` if a feature is disabled.
fn kind_of(scheme: &str) -> Option<(&'static str, Kind)> {
    let (base, suffix) = scheme.split_once('+').unwrap_or((scheme, ""));
    let base = match (base, suffix) {
        ("unix", "") => return Some(("unix", Kind::Socket)),
        ("redis" | "valkey", "unix") => return Some(("unix", Kind::Socket)),
        ("redis" | "valkey", _) => "redis",
        ("rediss" | "valkeys", _) if cfg!(feature = "tls") => "rediss",
        _ => return None,
    };
    match suffix {
        "" => Some((base, Kind::Single)),
        #[cfg(feature = "redis-sentinel")]
        "sentinel" => Some((base, Kind::Sentinel)),
        #[cfg(feature = "redis-cluster")]
        "cluster" => Some((base, Kind::Cluster)),
        _ => None,
    }
}

pub(super) fn has(scheme: &str) -> bool {
    kind_of(scheme).is_some()
}

/// Returns an outer error for an invalid URL, and an inner error if the store can't be opened.
pub(super) async fn open(scheme: &'static str, rest: &str) -> Result<Result<AnyStore, StoreError>, ConnectError> {
    let Some((base, kind)) = kind_of(scheme) else { return Err(ConnectError::needs(scheme, &["redis"])) };
    let malformed = |why: &'static str| ConnectError::malformed(scheme, why);
    if matches!(kind, Kind::Socket) {
        let (path, query) = parts::socket(scheme, rest)?;
        let (parameters, ours) = Ours::of(scheme, query)?;
        let opened = RedisStore::connect(&format!("unix://{path}{}", parameters.text("?"))).await;
        return Ok(opened.map(|store| ours.apply(store)));
    }
    let parts = Parts::of(scheme, rest)?;
    let (parameters, ours) = Ours::of(scheme, parts.query)?;
    let path = parts.path.trim_end_matches('/');
    if parts.hosts.split(',').any(|host| host.is_empty() || host.starts_with(':')) {
        return Err(malformed("it has no host, or a comma too many"));
    }
    let opened = match kind {
        Kind::Single | Kind::Socket => {
            if !path.chars().all(|c| c.is_ascii_digit()) {
                return Err(malformed("the path is the number of a database, as in `//host/0`"));
            }
            if parts.hosts.contains(',') {
                return Err(malformed("it has several hosts, which `redis+sentinel:` and `redis+cluster:` are for"));
            }
            let query = parameters.text("");
            RedisStore::connect(&Parts { path, query: &query, ..parts }.url(base)).await
        }
        #[cfg(feature = "redis-sentinel")]
        Kind::Sentinel => {
            if path.is_empty() || path.contains('/') {
                return Err(malformed(
                    "behind the sentinels comes the name of their master, as in `//host:26379/mymaster`",
                ));
            }
            let db = parameters.raw("db").unwrap_or("0");
            if db.is_empty() || !db.chars().all(|c| c.is_ascii_digit()) {
                return Err(malformed("`db` isn't the number of a database"));
            }
            let query = parameters.only(&["protocol", "timeout", "durability", "ca", "cert", "key"]).text("");
            let certificates = parameters.only(&["ca", "cert", "key"]).text("");
            let login = match (parameters.raw("sentinel_user"), parameters.raw("sentinel_password")) {
                (None, None) => None,
                (user, password) => Some(format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default())),
            };
            let sentinels: Vec<String> = parts
                .hosts
                .split(',')
                .map(|host| {
                    let port = if port_of(host).is_some() { "" } else { ":26379" };
                    let hosts = &format!("{host}{port}");
                    Parts { login: login.as_deref(), hosts, path: "", query: &certificates }.url(base)
                })
                .collect();
            // The client expects the name of the master in place of the host.
            let master = Parts { hosts: path, path: db, query: &query, ..parts }.url(base);
            RedisStore::connect_sentinel(&sentinels, &master).await
        }
        #[cfg(feature = "redis-cluster")]
        Kind::Cluster => {
            if !matches!(path, "" | "0") {
                return Err(malformed("a Cluster has no other databases than 0"));
            }
            let query = parameters.text("");
            let nodes: Vec<String> = parts
                .hosts
                .split(',')
                .map(|hosts| Parts { hosts, path: "", query: &query, ..parts }.url(base))
                .collect();
            RedisStore::connect_cluster(&nodes).await
        }
    };
    Ok(opened.map(|store| ours.apply(store)))
}

/// The options of a URL that this crate handles. The client handles the others.
struct Ours {
    prefix: Option<String>,
    replicas: u32,
    replica_timeout: Duration,
}

impl Ours {
    fn of<'a>(scheme: &'static str, query: &'a str) -> Result<(Parameters<'a>, Self), ConnectError> {
        let parameters = Parameters::of(scheme, query)?;
        let number = |name: &'static str, what: &str| match parameters.raw(name).map(str::parse::<u32>) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(ConnectError::malformed(scheme, format!("`{name}` isn't a number of {what}"))),
        };
        let replica_timeout = match number("replica_timeout", "milliseconds")? {
            Some(0) => {
                return Err(ConnectError::malformed(
                    scheme,
                    "`replica_timeout` is 0, but replicas need time to answer",
                ));
            }
            Some(millis) => Duration::from_millis(millis.into()),
            None => CONFIRMATION,
        };
        let ours = Self {
            prefix: parameters.form("prefix"),
            replicas: number("replicas", "servers")?.unwrap_or(0),
            replica_timeout,
        };
        Ok((parameters.without(&["prefix", "replicas", "replica_timeout"]), ours))
    }

    fn apply(self, store: RedisStore) -> AnyStore {
        let store = store.durability(self.replicas, self.replica_timeout);
        AnyStore::new(match self.prefix {
            Some(prefix) => store.prefix(prefix),
            None => store,
        })
    }
}
