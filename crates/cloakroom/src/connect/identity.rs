//! The identity of a store, independent of the connection settings in its URL.

use std::fmt;
use std::path::{Path, PathBuf};

use super::options::{Parameters, decoded};
use super::parts::{self, Parts};
use super::{ConnectError, scheme_of};

/// The identity of a store. Two URLs share it if they lead to the same sessions.
///
/// It contains the kind of server, the hosts and ports, the database, and everything that separates
/// the sessions of two applications on one server: prefix, table, schema and search path, and the
/// name of the master that sentinels know. It omits the login, encryption, timeouts, pool sizes and
/// all other connection settings.
///
/// Host names are compared as written, because a name may resolve differently later: `localhost`
/// and `127.0.0.1` are different. One store can therefore have two identities. Two stores never
/// share one, with one exception: in PostgreSQL, tables in a schema per user (`"$user"` in the
/// `search_path`) differ only by the user, which is omitted.
///
/// Paths are absolute, and existing symbolic links are followed. Compute the identity after the
/// store has been opened.
///
/// # Security
/// It contains neither user nor password. It is safe to print and to store.
///
/// # Examples
/// ```
/// use cloakroom::store::StoreIdentity;
///
/// # fn main() -> Result<(), cloakroom::ConnectError> {
/// let shop = StoreIdentity::of("redis://ann:s3cret@db.example/0?prefix=shop:&timeout=500")?;
/// assert_eq!(shop, StoreIdentity::of("rediss://DB.example:6379?prefix=shop%3A")?);
/// assert_ne!(shop, StoreIdentity::of("redis://db.example/0?prefix=blog:")?);
/// assert_eq!(shop.as_str(), "redis://db.example:6379/0?prefix=shop:");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreIdentity(String);

impl StoreIdentity {
    /// Computes the identity of the store at a URL.
    ///
    /// # Errors
    /// Fails if [`connect`](super::connect) rejects the form of the URL.
    pub fn of(url: &str) -> Result<Self, ConnectError> {
        Self::with(url, resolved)
    }

    /// The pure part: the function that resolves paths is an argument.
    pub(super) fn with(url: &str, resolve: impl Fn(&Path) -> PathBuf) -> Result<Self, ConnectError> {
        let (scheme, _, rest) = scheme_of(url)?;
        let (base, suffix) = scheme.split_once('+').unwrap_or((scheme, ""));
        match base {
            "memory" => {
                let (_, query) = rest.split_once('?').unwrap_or((rest, ""));
                Parameters::of(scheme, query)?;
                Ok(Self("memory:".to_owned()))
            }
            "file" | "sqlite" => {
                let (path, parameters) = parts::path(scheme, rest)?;
                let place = format!("{base}:{}", resolve(&path).display());
                Ok(Self(with_details(place, &table(&parameters))))
            }
            "postgres" | "postgresql" => postgres(scheme, rest),
            "mysql" | "mariadb" => mysql(scheme, rest),
            "dynamodb" => dynamodb(scheme, rest),
            _ if base == "unix" || suffix == "unix" => {
                let (path, query) = parts::socket(scheme, rest)?;
                redis(scheme, "redis+unix", path, "", query)
            }
            _ => {
                let parts = Parts::of(scheme, rest)?;
                let name = if suffix.is_empty() { "redis".to_owned() } else { format!("redis+{suffix}") };
                let port = if suffix == "sentinel" { "26379" } else { "6379" };
                let place = hosts(parts.hosts.split(',').map(str::to_owned), Some(port));
                redis(scheme, &name, &place, parts.path.trim_end_matches('/'), parts.query)
            }
        }
    }

    /// Returns the identity in the form of a URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the absolute path, with the links of its existing part resolved.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// Sorts hosts with their ports: any of them leads to the same sessions.
fn hosts(hosts: impl Iterator<Item = String>, port: Option<&str>) -> String {
    let with_port = |host: String| {
        let host = if host.contains(['%', '/']) { decoded(&host) } else { host.to_ascii_lowercase() };
        match (parts::port_of(&host), port) {
            // A socket folder also has a port, which is part of the name of the socket.
            (None, Some(port)) => format!("{host}:{port}"),
            (Some(""), Some(port)) => format!("{host}{port}"),
            _ => host,
        }
    };
    let mut hosts: Vec<String> = hosts.filter(|host| !host.is_empty()).map(with_port).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.join(",")
}

fn postgres(scheme: &'static str, rest: &str) -> Result<StoreIdentity, ConnectError> {
    let parts = Parts::of(scheme, rest)?.database(scheme)?;
    let parameters = Parameters::of(scheme, parts.query)?;
    let ports: Vec<String> = parameters.all("port").collect();
    let named = parts.hosts.split(',').map(str::to_owned).chain(parameters.all("host"));
    let place = hosts(named, ports.is_empty().then_some("5432"));
    let addresses: Vec<String> = parameters.all("hostaddr").collect();
    let database = parameters.get("dbname").unwrap_or_else(|| decoded(parts.path));
    let settings = parameters.get("options").map(|options| settings(&options)).unwrap_or_default();
    let mut details = vec![("hostaddr", addresses.join(",")), ("port", ports.join(",")), ("options", settings)];
    details.extend(table(&parameters));
    Ok(StoreIdentity(with_details(format!("postgres://{place}/{}", escaped(&database)), &details)))
}

/// The settings in `options` without time limits: `-c name=value`, or `--name=value`.
fn settings(options: &str) -> String {
    let words = options.replace("-c", " ").replace("--", " ");
    let mut settings: Vec<&str> = words
        .split_whitespace()
        .filter(|setting| !setting.split('=').next().is_some_and(|name| name.ends_with("_timeout")))
        .collect();
    settings.sort_unstable();
    settings.join(" ")
}

fn mysql(scheme: &'static str, rest: &str) -> Result<StoreIdentity, ConnectError> {
    let parts = Parts::of(scheme, rest)?.database(scheme)?;
    let parameters = Parameters::of(scheme, parts.query)?;
    let place = hosts(parts.hosts.split(',').map(str::to_owned), Some("3306"));
    let mut details = vec![("socket", parameters.get("socket").unwrap_or_default())];
    details.extend(table(&parameters));
    Ok(StoreIdentity(with_details(format!("mysql://{place}/{}", escaped(&decoded(parts.path))), &details)))
}

/// A region of the environment isn't part of it.
fn dynamodb(scheme: &'static str, rest: &str) -> Result<StoreIdentity, ConnectError> {
    let parts = Parts::of(scheme, rest)?;
    let parameters = Parameters::of(scheme, parts.query)?;
    let details = ["endpoint", "region", "prefix"].map(|name| (name, parameters.form(name).unwrap_or_default()));
    Ok(StoreIdentity(with_details(format!("dynamodb://{}", parts.hosts), &details)))
}

/// The location of the sessions within a database, if it isn't the default.
fn table(parameters: &Parameters<'_>) -> [(&'static str, String); 2] {
    let table = parameters.get("table").filter(|table| table != "cloakroom_sessions").unwrap_or_default();
    [("schema", parameters.get("schema").unwrap_or_default()), ("table", table)]
}

/// `path` is the number of a database, or with Sentinel the name of the master.
fn redis(
    scheme: &'static str,
    name: &str,
    place: &str,
    path: &str,
    query: &str,
) -> Result<StoreIdentity, ConnectError> {
    let parameters = Parameters::of(scheme, query)?;
    let number = |text: &str| text.parse::<u64>().map_or_else(|_| text.to_owned(), |number| number.to_string());
    let database = parameters.get("db").map(|db| number(&db)).filter(|db| db != "0").unwrap_or_default();
    let path = match (name, path) {
        ("redis+unix", _) => String::new(),
        (_, "") => "/0".to_owned(),
        (_, path) => format!("/{}", escaped(&number(path))),
    };
    let prefix = parameters.form("prefix").unwrap_or_else(|| parts::PREFIX.to_owned());
    let details = [("db", database), ("prefix", prefix)];
    Ok(StoreIdentity(with_details(format!("{name}://{place}{path}"), &details)))
}

/// Appends details. Empty ones are omitted, and the others are escaped.
fn with_details(place: String, details: &[(&str, String)]) -> String {
    let said = details.iter().filter(|(_, value)| !value.is_empty());
    let said: Vec<String> = said.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    if said.is_empty() { place } else { format!("{place}?{}", said.join("&")) }
}

/// Escapes the characters that separate names here.
fn escaped(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F").replace('?', "%3F").replace('&', "%26")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::options::{self, About};
    use super::StoreIdentity;

    fn of(url: &str) -> String {
        let here = |path: &Path| Path::new("/here").join(path);
        StoreIdentity::with(url, here).unwrap_or_else(|why| panic!("{url}: {why}")).to_string()
    }

    /// One row per option of `connect`, with a second value and whether it leads to another store.
    const OPTIONS: &[(&str, &str, &str, &str, About)] = &[
        ("memory:", "capacity", "10", "20", About::Manner),
        ("file:d", "durability", "process-end", "power-failure", About::Manner),
        ("sqlite:d", "readers", "1", "2", About::Manner),
        ("sqlite:d", "synchronous", "full", "normal", About::Manner),
        ("sqlite:d", "table", "a", "b", About::Place),
        ("postgres://h/d", "application_name", "a", "b", About::Manner),
        ("postgres://h/d", "channel_binding", "prefer", "disable", About::Manner),
        ("postgres://h/d", "connect_timeout", "1", "2", About::Manner),
        ("postgres://h/d", "dbname", "a", "b", About::Place),
        ("postgres://h/d", "host", "a", "b", About::Place),
        ("postgres://h/d", "hostaddr", "127.0.0.1", "127.0.0.2", About::Place),
        ("postgres://h/d", "keepalives", "1", "0", About::Manner),
        ("postgres://h/d", "keepalives_idle", "1", "2", About::Manner),
        ("postgres://h/d", "keepalives_interval", "1", "2", About::Manner),
        ("postgres://h/d", "keepalives_retries", "1", "2", About::Manner),
        ("postgres://h/d", "load_balance_hosts", "random", "disable", About::Manner),
        ("postgres://h/d", "options", "-c%20search_path%3Da", "-c%20search_path%3Db", About::Place),
        ("postgres://h/d", "options", "-c%20lock_timeout%3D1", "-c%20lock_timeout%3D2", About::Manner),
        ("postgres://h/d", "password", "a", "b", About::Manner),
        ("postgres://h/d", "port", "1", "2", About::Place),
        ("postgres://h/d", "prepared", "true", "false", About::Manner),
        ("postgres://h/d", "schema", "a", "b", About::Place),
        ("postgres://h/d", "sslmode", "require", "disable", About::Manner),
        ("postgres://h/d", "sslnegotiation", "direct", "postgres", About::Manner),
        ("postgres://h/d", "sslrootcert", "a", "b", About::Manner),
        ("postgres://h/d", "table", "a", "b", About::Place),
        ("postgres://h/d", "target_session_attrs", "any", "read-write", About::Manner),
        ("postgres://h/d", "tcp_user_timeout", "1", "2", About::Manner),
        ("postgres://h/d", "user", "a", "b", About::Manner),
        ("mysql://h/d", "abs_conn_ttl", "1", "2", About::Manner),
        ("mysql://h/d", "abs_conn_ttl_jitter", "1", "2", About::Manner),
        ("mysql://h/d", "built_in_roots", "true", "false", About::Manner),
        ("mysql://h/d", "client_found_rows", "true", "false", About::Manner),
        ("mysql://h/d", "compression", "fast", "best", About::Manner),
        ("mysql://h/d", "conn_ttl", "1", "2", About::Manner),
        ("mysql://h/d", "enable_cleartext_plugin", "true", "false", About::Manner),
        ("mysql://h/d", "inactive_connection_ttl", "1", "2", About::Manner),
        ("mysql://h/d", "max_allowed_packet", "1", "2", About::Manner),
        ("mysql://h/d", "pool_max", "1", "2", About::Manner),
        ("mysql://h/d", "pool_min", "1", "2", About::Manner),
        ("mysql://h/d", "prefer_socket", "true", "false", About::Manner),
        ("mysql://h/d", "require_ssl", "true", "false", About::Manner),
        ("mysql://h/d", "reset_connection", "true", "false", About::Manner),
        ("mysql://h/d", "schema", "a", "b", About::Place),
        ("mysql://h/d", "secure_auth", "true", "false", About::Manner),
        ("mysql://h/d", "socket", "/a", "/b", About::Place),
        ("mysql://h/d", "ssl-ca", "a", "b", About::Manner),
        ("mysql://h/d", "ssl-mode", "REQUIRED", "DISABLED", About::Manner),
        ("mysql://h/d", "stmt_cache_size", "1", "2", About::Manner),
        ("mysql://h/d", "table", "a", "b", About::Place),
        ("mysql://h/d", "tcp_keepalive", "1", "2", About::Manner),
        ("mysql://h/d", "tcp_nodelay", "true", "false", About::Manner),
        ("mysql://h/d", "ttl_check_interval", "1", "2", About::Manner),
        ("mysql://h/d", "verify_ca", "true", "false", About::Manner),
        ("mysql://h/d", "verify_identity", "true", "false", About::Manner),
        ("mysql://h/d", "wait_timeout", "1", "2", About::Manner),
        ("redis://h", "prefix", "shop:", "blog:", About::Place),
        ("redis://h", "replicas", "1", "2", About::Manner),
        ("redis://h", "replica_timeout", "100", "200", About::Manner),
        ("redis://h", "protocol", "resp2", "resp3", About::Manner),
        ("redis://h", "timeout", "100", "200", About::Manner),
        ("redis://h", "durability", "aof", "none", About::Manner),
        ("redis://h", "ca", "a", "b", About::Manner),
        ("redis://h", "cert", "a", "b", About::Manner),
        ("redis://h", "key", "a", "b", About::Manner),
        ("unix:///s", "prefix", "shop:", "blog:", About::Place),
        ("unix:///s", "replicas", "1", "2", About::Manner),
        ("unix:///s", "replica_timeout", "100", "200", About::Manner),
        ("unix:///s", "protocol", "resp2", "resp3", About::Manner),
        ("unix:///s", "timeout", "100", "200", About::Manner),
        ("unix:///s", "durability", "aof", "none", About::Manner),
        ("unix:///s", "db", "0", "1", About::Place),
        ("unix:///s", "user", "a", "b", About::Manner),
        ("unix:///s", "pass", "a", "b", About::Manner),
        ("redis+sentinel://h/m", "prefix", "shop:", "blog:", About::Place),
        ("redis+sentinel://h/m", "replicas", "1", "2", About::Manner),
        ("redis+sentinel://h/m", "replica_timeout", "100", "200", About::Manner),
        ("redis+sentinel://h/m", "protocol", "resp2", "resp3", About::Manner),
        ("redis+sentinel://h/m", "timeout", "100", "200", About::Manner),
        ("redis+sentinel://h/m", "durability", "aof", "none", About::Manner),
        ("redis+sentinel://h/m", "ca", "a", "b", About::Manner),
        ("redis+sentinel://h/m", "cert", "a", "b", About::Manner),
        ("redis+sentinel://h/m", "key", "a", "b", About::Manner),
        ("redis+sentinel://h/m", "db", "0", "1", About::Place),
        ("redis+sentinel://h/m", "sentinel_user", "a", "b", About::Manner),
        ("redis+sentinel://h/m", "sentinel_password", "a", "b", About::Manner),
        ("redis+cluster://h", "prefix", "shop:", "blog:", About::Place),
        ("dynamodb://sessions", "prefix", "shop:", "blog:", About::Place),
        ("dynamodb://sessions", "endpoint", "http://a:1", "http://a:2", About::Place),
        ("dynamodb://sessions", "region", "eu-west-1", "us-east-1", About::Place),
        ("dynamodb://sessions", "timeout", "1", "2", About::Manner),
        ("dynamodb://sessions", "compress_above", "1", "2", About::Manner),
        ("memory:", "compress_above", "1", "2", About::Manner),
        ("postgres://h/d", "listen", "a", "b", About::Manner),
        ("postgres://h/d", "notify", "true", "false", About::Manner),
        ("file:a", "compress_above", "1", "2", About::Manner),
        ("sqlite:a", "compress_above", "1", "2", About::Manner),
        ("postgres://h/d", "compress_above", "1", "2", About::Manner),
        ("mysql://h/d", "compress_above", "1", "2", About::Manner),
        ("redis://h", "compress_above", "1", "2", About::Manner),
        ("unix:///s", "compress_above", "1", "2", About::Manner),
        ("redis+sentinel://h/m", "compress_above", "1", "2", About::Manner),
        ("memory:", "near_cache", "1", "2", About::Manner),
        ("memory:", "near_cache_bound", "1", "2", About::Manner),
        ("file:a", "near_cache", "1", "2", About::Manner),
        ("file:a", "near_cache_bound", "1", "2", About::Manner),
        ("sqlite:a", "near_cache", "1", "2", About::Manner),
        ("sqlite:a", "near_cache_bound", "1", "2", About::Manner),
        ("postgres://h/d", "near_cache", "1", "2", About::Manner),
        ("postgres://h/d", "near_cache_bound", "1", "2", About::Manner),
        ("mysql://h/d", "near_cache", "1", "2", About::Manner),
        ("mysql://h/d", "near_cache_bound", "1", "2", About::Manner),
        ("redis://h", "near_cache", "1", "2", About::Manner),
        ("redis://h", "near_cache_bound", "1", "2", About::Manner),
        ("unix:///s", "near_cache", "1", "2", About::Manner),
        ("unix:///s", "near_cache_bound", "1", "2", About::Manner),
        ("redis+sentinel://h/m", "near_cache", "1", "2", About::Manner),
        ("redis+sentinel://h/m", "near_cache_bound", "1", "2", About::Manner),
    ];

    #[test]
    fn each_option_is_a_place_or_a_manner() {
        for (url, option, one, other, about) in OPTIONS {
            let [one, other] = [one, other].map(|value| of(&format!("{url}?{option}={value}")));
            assert_eq!(one != other, *about == About::Place, "{url} {option}: {one} and {other}");
        }
        // An option without a row fails here, and so does an option whose rows contradict the table
        // of options.
        for (scheme, _) in super::super::SCHEMES {
            let known = options::known(scheme);
            for (option, about) in known {
                let rows = OPTIONS.iter().filter(|(url, name, ..)| {
                    name == option && std::ptr::eq(options::known(url.split(':').next().unwrap()), known)
                });
                let mut abouts = rows.map(|(.., about)| *about);
                assert!(abouts.any(|it| it == *about), "`{option}` of `{scheme}:` has no row that says {about:?}");
            }
        }
    }

    #[test]
    fn different_urls_of_the_same_store_are_equal() {
        for (one, other) in [
            ("redis://a@h/0", "redis://h/0"),
            ("redis://h", "redis://a:b@H:6379/0"),
            ("redis://h/00", "valkey://h"),
            ("redis://h", "rediss://h"),
            ("redis://h?prefix=cloakroom:", "redis://h"),
            ("redis://h?prefix=a%3Ab", "redis://h?prefix=a:b"),
            ("unix:///run/s", "redis+unix:///run/s?db=0&user=a&pass=b"),
            ("redis+sentinel://a,b:26379/m", "valkey+sentinel://u:p@b,a:26379/m?db=0"),
            ("redis+cluster://a:7000,b:7001", "rediss+cluster://b:7001,a:7000/0"),
            ("postgres://a:b@h/d", "postgresql://h:5432/d?sslmode=require"),
            ("postgres://h,i:5433/d", "postgres://i:5433,h/d"),
            ("postgres://h/d", "postgres://h/?dbname=d"),
            ("postgres://%2Frun%2Fpg/d", "postgres://%2frun%2fpg/d?user=a"),
            (
                "postgres://h/d?options=-c%20search_path=a%20-c%20lock_timeout=5",
                "postgres://h/d?options=--search_path=a",
            ),
            ("mysql://h/d", "mariadb://a@h:3306/d"),
            ("mysql://h/d?table=cloakroom_sessions", "mysql://h/d"),
            ("sqlite:a.db", "sqlite:///here/a.db"),
            ("SQLITE:a.db", "sqlite:a.db?readers=2"),
            ("file:a", "file:///here/a"),
        ] {
            assert_eq!(of(one), of(other), "{one} and {other}");
        }
    }

    #[test]
    fn other_stores() {
        for (one, other) in [
            ("redis://h/0", "redis://h/1"),
            ("redis://h", "redis://i"),
            ("redis://h", "redis://h:6380"),
            ("redis://h", "redis+cluster://h"),
            ("redis://h", "redis+unix:///h"),
            ("unix:///a", "unix:///b"),
            ("redis+sentinel://h/m", "redis+sentinel://h/n"),
            ("redis+sentinel://h/m", "redis+sentinel://h/m?db=1"),
            ("postgres://h/a", "postgres://h/b"),
            ("postgres://h/a", "mysql://h/a"),
            ("postgres://h/a", "postgres://h:5433/a"),
            ("mysql://h/a", "mysql://h/b"),
            ("sqlite:a", "sqlite:b"),
            ("dynamodb://sessions", "dynamodb://Sessions"),
            ("sqlite:a", "file:a"),
            // Name resolution is not considered.
            ("redis://localhost", "redis://127.0.0.1"),
            ("redis://127.0.0.1", "redis://[::1]"),
            // A value must not be mistaken for a separator.
            ("redis://h?prefix=a%26db=1", "redis://h/1?prefix=a"),
            ("mysql://h/d?socket=/s", "mysql://h/d%3Fsocket=%2Fs"),
        ] {
            assert_ne!(of(one), of(other), "{one} and {other}");
        }
    }

    #[test]
    fn the_identity_contains_no_login() {
        for url in [
            "redis://hunter2:hunter2@h/0?prefix=a",
            "unix:///s?user=hunter2&pass=hunter2",
            "redis+sentinel://hunter2:hunter2@h/m?sentinel_user=hunter2&sentinel_password=hunter2",
            "redis+cluster://hunter2:hunter2@h",
            "postgres://hunter2:hunter2@h/d?user=hunter2&password=hunter2",
            "mysql://hunter2:hunter2@h/d",
        ] {
            assert!(!of(url).contains("hunter2"), "{url}: {}", of(url));
        }
    }

    #[test]
    fn links_are_followed_once_the_target_exists() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        let identity = |name: &str| StoreIdentity::of(&format!("file:{}", folder.path().join(name).display())).unwrap();
        assert_ne!(identity("a"), identity("b"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("b")).unwrap();
            assert_eq!(identity("a"), identity("b"));
        }
    }
}
