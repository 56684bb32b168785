//! A URL in its parts.

use std::path::PathBuf;

use cloakroom_store::location;

use super::ConnectError;
use super::options::Parameters;

/// What is before the first colon, if it looks like a scheme, and what is behind it.
///
/// What doesn't look like one may be anything, a password too, and isn't repeated in errors.
pub(super) fn scheme_of(url: &str) -> Result<(&str, &str), ConnectError> {
    let (scheme, rest) = url.split_once(':').ok_or_else(ConnectError::no_scheme)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if is_scheme { Ok((scheme, rest)) } else { Err(ConnectError::no_scheme()) }
}

/// What the names of keys in Redis begin with, unless a URL says otherwise: as in `RedisStore`.
pub(super) const PREFIX: &str = "cloakroom:";

/// A path, as it is, and the options behind it.
pub(super) fn path<'a>(scheme: &'static str, rest: &'a str) -> Result<(PathBuf, Parameters<'a>), ConnectError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    match path {
        "" => Err(ConnectError::malformed(scheme, "it has no path")),
        // Elsewhere this is a database without a file; here it would be a file of that name.
        _ if location::is_in_memory(rest) => Err(ConnectError::malformed(
            scheme,
            "it names a database in memory: the URL of a `MemoryStore` is `memory:`",
        )),
        path => Ok((path.into(), Parameters::of(scheme, query)?)),
    }
}

/// The path of a socket, and the query behind it: its login is in there, and may have any sign in
/// it.
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

/// What follows a scheme of the network.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    /// User and password, as they were written.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql", feature = "redis")),
        expect(dead_code, reason = "for drivers, none of which is built in")
    )]
    pub(super) login: Option<&'a str>,
    /// One host, or several with commas between them; each with a port or without.
    pub(super) hosts: &'a str,
    /// Without the slash before it.
    pub(super) path: &'a str,
    /// Without the question mark.
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
        // Drivers differ in what they make of these: some connect to a host that is a piece of the
        // password, and name it in their errors.
        if [hosts, path, query].iter().any(|part| part.contains('@')) {
            return Err(malformed("`@`, `/` and `?` in a login are written `%40`, `%2F` and `%3F`"));
        }
        if !hosts.split(',').all(|host| port_of(host).is_none_or(|port| port.parse::<u16>().is_ok())) {
            return Err(malformed("behind the colon of a host comes its port, a number up to 65535"));
        }
        Ok(Self { login, hosts, path, query })
    }

    /// The same, if it names a database.
    pub(super) fn database(self, scheme: &'static str) -> Result<Self, ConnectError> {
        if self.hosts.is_empty() && !self.query.contains("host=") {
            return Err(ConnectError::malformed(scheme, "it has no host"));
        }
        if self.path.is_empty() && !self.query.contains("dbname=") {
            return Err(ConnectError::malformed(scheme, "it has no database, as in `//host/database`"));
        }
        Ok(self)
    }

    /// The whole, under this scheme.
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

/// What is behind the colon, which is behind the bracket of an IPv6 address.
pub(super) fn port_of(host: &str) -> Option<&str> {
    host.rsplit(']').next().and_then(|rest| rest.split_once(':')).map(|(_, port)| port)
}
