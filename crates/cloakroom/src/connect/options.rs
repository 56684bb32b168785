//! All options of URLs, and whether each is part of a store's identity.

use super::ConnectError;
use crate::nearest::nearest;

/// The role of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Part of the identity: another value leads to other sessions.
    Place,
    /// A connection setting: login, encryption, timeouts, number of connections.
    Manner,
}

use About::{Manner, Place};

pub(super) type Known = &'static [(&'static str, About)];

const MEMORY: Known =
    &[("capacity", Manner), ("compress_above", Manner), ("near_cache", Manner), ("near_cache_bound", Manner)];

const FILE: Known =
    &[("compress_above", Manner), ("durability", Manner), ("near_cache", Manner), ("near_cache_bound", Manner)];

const SQLITE: Known = &[
    ("compress_above", Manner),
    ("near_cache", Manner),
    ("near_cache_bound", Manner),
    ("readers", Manner),
    ("synchronous", Manner),
    ("table", Place),
];

const POSTGRES: Known = &[
    ("application_name", Manner),
    ("channel_binding", Manner),
    ("compress_above", Manner),
    ("connect_timeout", Manner),
    ("dbname", Place),
    ("host", Place),
    ("hostaddr", Place),
    ("keepalives", Manner),
    ("keepalives_idle", Manner),
    ("keepalives_interval", Manner),
    ("keepalives_retries", Manner),
    ("listen", Manner),
    ("load_balance_hosts", Manner),
    ("near_cache", Manner),
    ("near_cache_bound", Manner),
    ("notify", Manner),
    // May set a search path. `identity` ignores its time limits.
    ("options", Place),
    ("password", Manner),
    ("port", Place),
    ("prepared", Manner),
    ("schema", Place),
    ("sslmode", Manner),
    ("sslnegotiation", Manner),
    ("sslrootcert", Manner),
    ("table", Place),
    ("target_session_attrs", Manner),
    ("tcp_user_timeout", Manner),
    ("user", Manner),
];

const MYSQL: Known = &[
    ("abs_conn_ttl", Manner),
    ("abs_conn_ttl_jitter", Manner),
    ("built_in_roots", Manner),
    ("client_found_rows", Manner),
    ("compress_above", Manner),
    ("compression", Manner),
    ("conn_ttl", Manner),
    ("enable_cleartext_plugin", Manner),
    ("inactive_connection_ttl", Manner),
    ("max_allowed_packet", Manner),
    ("near_cache", Manner),
    ("near_cache_bound", Manner),
    ("pool_max", Manner),
    ("pool_min", Manner),
    ("prefer_socket", Manner),
    ("require_ssl", Manner),
    ("reset_connection", Manner),
    ("schema", Place),
    ("secure_auth", Manner),
    ("socket", Place),
    ("ssl-ca", Manner),
    ("ssl-mode", Manner),
    ("stmt_cache_size", Manner),
    ("table", Place),
    ("tcp_keepalive", Manner),
    ("tcp_nodelay", Manner),
    ("ttl_check_interval", Manner),
    ("verify_ca", Manner),
    ("verify_identity", Manner),
    ("wait_timeout", Manner),
];

const REDIS: Known = &[
    ("prefix", Place),
    ("compress_above", Manner),
    ("near_cache", Manner),
    ("near_cache_bound", Manner),
    ("replicas", Manner),
    ("replica_timeout", Manner),
    ("protocol", Manner),
    ("timeout", Manner),
    ("durability", Manner),
    ("ca", Manner),
    ("cert", Manner),
    ("key", Manner),
];

const SOCKET: Known = &[
    ("prefix", Place),
    ("compress_above", Manner),
    ("near_cache", Manner),
    ("near_cache_bound", Manner),
    ("replicas", Manner),
    ("replica_timeout", Manner),
    ("protocol", Manner),
    ("timeout", Manner),
    ("durability", Manner),
    ("db", Place),
    ("user", Manner),
    ("pass", Manner),
];

const SENTINEL: Known = &[
    ("prefix", Place),
    ("compress_above", Manner),
    ("near_cache", Manner),
    ("near_cache_bound", Manner),
    ("replicas", Manner),
    ("replica_timeout", Manner),
    ("protocol", Manner),
    ("timeout", Manner),
    ("durability", Manner),
    ("ca", Manner),
    ("cert", Manner),
    ("key", Manner),
    ("db", Place),
    ("sentinel_user", Manner),
    ("sentinel_password", Manner),
];

const DYNAMODB: Known =
    &[("prefix", Place), ("compress_above", Manner), ("endpoint", Place), ("region", Place), ("timeout", Manner)];

// The driver accepts these more than once, as lists.
const LISTS: [&str; 3] = ["host", "hostaddr", "port"];

/// Returns the options of a scheme.
pub(super) fn known(scheme: &str) -> Known {
    let (base, suffix) = scheme.split_once('+').unwrap_or((scheme, ""));
    match (base, suffix) {
        ("memory", _) => MEMORY,
        ("file", _) => FILE,
        ("sqlite", _) => SQLITE,
        ("postgres" | "postgresql", _) => POSTGRES,
        ("mysql" | "mariadb", _) => MYSQL,
        ("dynamodb", _) => DYNAMODB,
        ("unix", _) | (_, "unix") => SOCKET,
        (_, "sentinel") => SENTINEL,
        _ => REDIS,
    }
}

/// The options of a URL, still encoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Parameters<'a> {
    /// Parses a query.
    ///
    /// # Security
    /// An error gives the position of an unknown option, not its name: the name may be part of a
    /// password that contains `&`.
    pub(super) fn of(scheme: &'static str, query: &'a str) -> Result<Self, ConnectError> {
        let known = known(scheme);
        let mut found: Vec<(&str, &str)> = Vec::new();
        for (place, pair) in (1..).zip(query.split('&').filter(|pair| !pair.is_empty())) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !known.iter().any(|(known, _)| *known == name) {
                let names: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
                let perhaps = nearest(name, names.iter().copied());
                let perhaps = perhaps.map(|name| format!(": is it `{name}`?")).unwrap_or_default();
                let why = format!("its parameter {place} is unknown{perhaps}; there are `{}`", names.join("`, `"));
                return Err(ConnectError::malformed(scheme, why));
            }
            if !LISTS.contains(&name) && found.iter().any(|(before, _)| *before == name) {
                return Err(ConnectError::malformed(scheme, format!("`{name}` is there twice")));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Returns all values of an option, percent-decoded.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = String> {
        self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| decoded(value))
    }

    /// Returns the value of an option, percent-decoded.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.raw(name).map(decoded)
    }

    /// Returns the value of an option, form-decoded: a plus sign is a space.
    pub(super) fn form(&self, name: &str) -> Option<String> {
        self.raw(name).map(|value| decoded(&value.replace('+', " ")))
    }

    /// Returns the options without `ours`, for the client.
    #[cfg(feature = "redis")]
    pub(super) fn without(&self, ours: &[&str]) -> Self {
        Self(self.0.iter().copied().filter(|(name, _)| !ours.contains(name)).collect())
    }

    #[cfg(feature = "redis-sentinel")]
    pub(super) fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().copied().filter(|(name, _)| names.contains(name)).collect())
    }

    /// Joins the options again, with `front` before them if there are any.
    #[cfg(feature = "redis")]
    pub(super) fn text(&self, front: &str) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("{front}{}", pairs.join("&")) }
    }
}

/// Takes options out of the part of a URL after its scheme, because drivers don't know them.
///
/// Returns their values and the rest. An option that is there twice stays, and
/// [`Parameters::of`] reports it.
pub(super) fn taken<const N: usize>(rest: &str, names: [&str; N]) -> ([Option<String>; N], String) {
    let Some((place, query)) = rest.split_once('?') else { return ([const { None }; N], rest.to_owned()) };
    let mut pairs: Vec<&str> = query.split('&').collect();
    let values = names.map(|name| {
        let is_it = |pair: &str| pair.split_once('=').map_or(pair, |(name, _)| name) == name;
        if pairs.iter().filter(|pair| is_it(pair)).count() != 1 {
            return None;
        }
        let pair = pairs.remove(pairs.iter().position(|pair| is_it(pair))?);
        Some(pair.split_once('=').map_or("", |(_, value)| value).to_owned())
    });
    let query = pairs.join("&");
    let sign = if query.is_empty() { "" } else { "?" };
    (values, format!("{place}{sign}{query}"))
}

/// Percent-decodes a value. A plus sign remains a plus sign.
pub(super) fn decoded(value: &str) -> String {
    // `&` and `=` must not end the value.
    let value = value.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(value.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}
