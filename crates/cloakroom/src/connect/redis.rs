//! URLs of Redis and Valkey, of which there are many.

use std::borrow::Cow;
use std::time::Duration;

use cloakroom_redis::RedisStore;
use cloakroom_store::{AnyStore, StoreError};

use super::ConnectError;
use super::parts::Parts;
#[cfg(feature = "redis-sentinel")]
use super::parts::port_of;

/// How long replicas may take to confirm a write: half of what a call may take.
const CONFIRMATION: Duration = Duration::from_millis(500);

/// What comes behind the plus of a scheme.
enum Kind {
    Single,
    Socket,
    #[cfg(feature = "redis-sentinel")]
    Sentinel,
    #[cfg(feature = "redis-cluster")]
    Cluster,
}

/// The client's own word for the connections of a scheme, and where they lead; nothing if a feature is off.
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

/// The outer error is about the URL, the inner one about what is behind it.
pub(super) async fn open(scheme: &'static str, rest: &str) -> Result<Result<AnyStore, StoreError>, ConnectError> {
    let Some((base, kind)) = kind_of(scheme) else { return Err(ConnectError::needs(scheme, &["redis"])) };
    let known: &[&str] = match kind {
        Kind::Single => &["protocol", "timeout", "durability", "ca", "cert", "key"],
        Kind::Socket => &["protocol", "timeout", "durability", "db", "user", "pass"],
        #[cfg(feature = "redis-sentinel")]
        Kind::Sentinel => {
            &["protocol", "timeout", "durability", "ca", "cert", "key", "db", "sentinel_user", "sentinel_password"]
        }
        #[cfg(feature = "redis-cluster")]
        Kind::Cluster => &["protocol", "timeout", "durability", "ca", "cert", "key"],
    };
    let malformed = |why: &'static str| ConnectError::malformed(scheme, why);
    if matches!(kind, Kind::Socket) {
        // Its login is in the parameters, and may have any sign in it.
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        if !path.starts_with('/') {
            return Err(malformed("it has no path that begins with a slash, as in `///run/redis.sock`"));
        }
        let (parameters, ours) = parameters(scheme, query, known)?;
        let opened = RedisStore::connect(&format!("unix://{path}{}", parameters.text("?"))).await;
        return Ok(opened.map(|store| ours.apply(store)));
    }
    let parts = Parts::of(scheme, rest)?;
    let (parameters, ours) = parameters(scheme, parts.query, known)?;
    let path = parts.path.trim_end_matches('/');
    if parts.hosts.split(',').any(|host| host.is_empty() || host.starts_with(':')) {
        return Err(malformed("it has no host, or a comma too many"));
    }
    let opened = match kind {
        Kind::Single | Kind::Socket => {
            if !path.chars().all(|c| c.is_ascii_digit()) {
                return Err(malformed("behind the host comes the number of a database, as in `//host/0`"));
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
            // The name of the master takes the place of the host.
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

/// What a URL says about our side.
#[derive(Default)]
struct Ours {
    prefix: Option<String>,
    replicas: u32,
}

impl Ours {
    fn apply(self, store: RedisStore) -> AnyStore {
        let store = store.durability(self.replicas, CONFIRMATION);
        AnyStore::new(match self.prefix {
            Some(prefix) => store.prefix(prefix),
            None => store,
        })
    }
}

/// Parameters for the client, as they were written.
struct Parameters<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Parameters<'a> {
    #[cfg(feature = "redis-sentinel")]
    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    #[cfg(feature = "redis-sentinel")]
    fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().copied().filter(|(known, _)| names.contains(known)).collect())
    }

    /// With this in front, if there are any.
    fn text(&self, front: &str) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("{front}{}", pairs.join("&")) }
    }
}

/// Parameters that are ours; the rest is the client's, which is silent about names that it doesn't know.
fn parameters<'a>(
    scheme: &'static str,
    query: &'a str,
    known: &[&str],
) -> Result<(Parameters<'a>, Ours), ConnectError> {
    let (mut rest, mut ours) = (Vec::new(), Ours::default());
    for (place, pair) in (1..).zip(query.split('&').filter(|pair| !pair.is_empty())) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "prefix" => {
                ours.prefix = form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| Cow::into_owned(value));
            }
            "replicas" => {
                let malformed = |_| ConnectError::malformed(scheme, "`replicas` isn't a number of servers");
                ours.replicas = value.parse().map_err(malformed)?;
            }
            _ if known.contains(&name) => rest.push((name, value)),
            _ => {
                // By its place: it may be a piece of a password with a `&` in it.
                let known = known.join("`, `");
                let why = format!("its parameter {place} is unknown; there are `prefix`, `replicas`, `{known}`");
                return Err(ConnectError::malformed(scheme, why));
            }
        }
    }
    Ok((Parameters(rest), ours))
}
