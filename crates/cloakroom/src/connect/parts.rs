//! The parts of a URL.

use std::path::PathBuf;

use cloakroom_store::location;

use super::ConnectError;
use super::options::Parameters;

/// Splits a URL at its first colon, if the text before it looks like a scheme.
///
/// Other text may be anything, even a password, and isn't repeated in errors.
pub(super) fn scheme_of(url: &str) -> Result<(&str, &str), ConnectError> {
    let (scheme, rest) = url.split_once(':').ok_or_else(ConnectError::no_scheme)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if is_scheme { Ok((scheme, rest)) } else { Err(ConnectError::no_scheme()) }
}

/// The default prefix of keys in Redis, as in `RedisStore`.
pub(super) const PREFIX: &str = "cloakroom:";

/// Splits a path from its options. The path has no escapes.
pub(super) fn path<'a>(scheme: &'static str, rest: &'a str) -> Result<(PathBuf, Parameters<'a>), ConnectError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    match path {
        "" => Err(ConnectError::malformed(scheme, "it has no path")),
        // Other libraries open an in-memory database here; SQLite would create a file of that name.
        _ if location::is_in_memory(rest) => Err(ConnectError::malformed(
            scheme,
            "it names a database in memory: the URL of a `MemoryStore` is `memory:`",
        )),
        path => Ok((path.into(), Parameters::of(scheme, query)?)),
    }
}

/// Splits the path of a socket from its query. The login in the query may contain any character.
pub(super) fn socket<'a>(scheme: &'static str, rest: &'a str) -> Result<(&'a str, &'a str), ConnectError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("//").unwrap_or(path);
    match path.starts_with('/') {
        true => Ok((path, query)),
        false => {
            let why = "it has no path that begins with a slash, as in `///run/redis.sock`";
            Err(ConnectError::malformed(scheme, why))
        }
    }
}

/// The parts of a network URL after the scheme.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    /// User and password, still encoded.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql", feature = "redis")),
        expect(dead_code, reason = "for drivers, none of which is built in")
    )]
    pub(super) login: Option<&'a str>,
    /// One host or several, separated by commas, each with an optional port.
    pub(super) hosts: &'a str,
    /// The path without its leading slash.
    pub(super) path: &'a str,
    /// The query without the question mark.
    pub(super) query: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(scheme: &'static str, rest: &'a str) -> Result<Self, ConnectError> {
        let malformed = |why: &'static str| ConnectError::malformed(scheme, why);
        let rest = rest.strip_prefix("//").ok_or_else(|| malformed("`//` is missing behind the colon"))?;
        if rest.contains('#') {
            return Err(malformed("it has a `#`, which in a login is written `%23`"));
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (login, hosts) = match authority.split_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        // Drivers interpret these differently: some connect to a host that is part of the password,
        // and name it in their errors.
        if [hosts, path, query].iter().any(|part| part.contains('@')) {
            return Err(malformed("`@`, `/` and `?` in a login are written `%40`, `%2F` and `%3F`"));
        }
        if !hosts.split(',').all(|host| port_of(host).is_none_or(|port| port.parse::<u16>().is_ok())) {
            return Err(malformed("the port of a host is a number up to 65535"));
        }
        Ok(Self { login, hosts, path, query })
    }

    /// Requires the URL to name a database.
    pub(super) fn database(self, scheme: &'static str) -> Result<Self, ConnectError> {
        if self.hosts.is_empty() && !self.query.contains("host=") {
            return Err(ConnectError::malformed(scheme, "it has no host"));
        }
        if self.path.is_empty() && !self.query.contains("dbname=") {
            return Err(ConnectError::malformed(scheme, "it has no database, as in `//host/database`"));
        }
        Ok(self)
    }

    /// Assembles the URL with another scheme.
    #[cfg(any(feature = "postgres", feature = "mysql", feature = "redis"))]
    pub(super) fn url(&self, scheme: &str) -> String {
        let mut url = format!("{scheme}://");
        if let Some(login) = self.login {
            url.push_str(login);
            url.push('@');
        }
        url.push_str(self.hosts);
        for (sign, part) in [('/', self.path), ('?', self.query)] {
            if !part.is_empty() {
                url.push(sign);
                url.push_str(part);
            }
        }
        url
    }
}

/// Returns the text after the colon that follows the host name or the bracket of an IPv6 address.
pub(super) fn port_of(host: &str) -> Option<&str> {
    host.rsplit(']').next().and_then(|rest| rest.split_once(':')).map(|(_, port)| port)
}
