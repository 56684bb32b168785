//! The parts of a URL: servers, credentials, certificates and timeouts.

use std::time::Duration;

use cloakroom_store::store::StoreError;
use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

use crate::error::{self, failed};

/// The default response timeout. Sessions have a timeout of 2 seconds per call, so this is well
/// below it.
pub(crate) const RESPONSE: Duration = Duration::from_secs(1);

/// The connect timeout.
pub(crate) const CONNECT: Duration = Duration::from_secs(1);

/// The time without acknowledgement of sent data after which a connection is considered dead.
#[cfg(target_os = "linux")]
const UNHEARD: Duration = Duration::from_secs(5);

/// A server, or the master known to sentinels.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) information: ConnectionInfo,
    /// The response timeout.
    pub(crate) timeout: Duration,
    /// The protocol named in the URL.
    pub(crate) protocol: Option<ProtocolVersion>,
    /// `true` if writes must be confirmed on disk.
    pub(crate) disk: bool,
    /// The certificates named in the URL, if any, instead of the system's.
    #[cfg(feature = "tls")]
    #[cfg_attr(
        not(any(feature = "cluster", feature = "sentinel")),
        expect(dead_code, reason = "one server's are in its connection's information")
    )]
    pub(crate) certificates: Option<redis::TlsCertificates>,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let is_tls = matches!(scheme, Some("rediss" | "valkeys"));
        if is_tls && cfg!(not(feature = "tls")) {
            return Err(failed("rediss:// needs the feature `tls` of cloakroom-redis"));
        }
        let information = url.into_connection_info().map_err(|error| error::of(&error))?.set_tcp_settings(socket());
        let timeout = match option(url, "timeout") {
            Some(millis) => millis
                .parse()
                .ok()
                .filter(|millis| *millis > 0)
                .map(Duration::from_millis)
                .ok_or_else(|| failed("`timeout` in the URL must be a number of milliseconds above 0"))?,
            None => RESPONSE,
        };
        let disk = match option(url, "durability").as_deref() {
            None => false,
            Some("aof") => true,
            Some(_) => return Err(failed("`durability` in the URL must be `aof`")),
        };
        let protocol = option(url, "protocol").map(|_| information.redis_settings().protocol());
        #[cfg(not(feature = "tls"))]
        return Ok(Self { information, timeout, protocol, disk });
        #[cfg(feature = "tls")]
        tls::with_certificates(url, Self { information, timeout, protocol, disk, certificates: None })
    }
}

fn option(url: &str, name: &str) -> Option<String> {
    let url = redis::parse_redis_url(url)?;
    url.query_pairs().find(|(option, _)| option == name).map(|(_, value)| value.into_owned())
}

/// Returns the socket settings.
pub(crate) fn socket() -> TcpSettings {
    // Small requests of many tasks share a connection, so none may be delayed until another is
    // acknowledged.
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(UNHEARD);
    settings
}

#[cfg(feature = "tls")]
mod tls {
    use redis::{Client, ClientTlsConfig, ConnectionAddr, TlsCertificates};

    use super::{Address, StoreError, failed, option};

    pub(super) fn with_certificates(url: &str, address: Address) -> Result<Address, StoreError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Without a provider, rustls panics. The first installation wins; an error means that
            // another one is already installed.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let certificates = named(url)?;
        let Some(named) = certificates.clone() else { return Ok(address) };
        if !matches!(address.information.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(failed("`ca`, `cert` and `key` of a URL need rediss://"));
        }
        let client = Client::build_with_tls(address.information, named)
            .map_err(|_| failed("`ca`, `cert` or `key` in the URL names no certificate or key in PEM"))?;
        Ok(Address { information: client.get_connection_info().clone(), certificates, ..address })
    }

    /// Reads the files of `?ca=`, `?cert=` and `?key=`.
    fn named(url: &str) -> Result<Option<TlsCertificates>, StoreError> {
        let file = |name: &str| -> Result<Option<Vec<u8>>, StoreError> {
            let Some(path) = option(url, name) else { return Ok(None) };
            // The path is not a secret, and helps to find the mistake.
            let bytes = std::fs::read(&path);
            bytes.map(Some).map_err(|error| failed(format!("`{name}` of the URL, {path:?}: {error}")))
        };
        let client_tls = match (file("cert")?, file("key")?) {
            (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(failed("`cert` and `key` of a URL need each other")),
        };
        let root_cert = file("ca")?;
        let any = client_tls.is_some() || root_cert.is_some();
        Ok(any.then_some(TlsCertificates { client_tls, root_cert }))
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn the_timeout_is_in_milliseconds() {
        for (row, url, expected) in [
            ("ours", "redis://127.0.0.1/", Some(1_000)),
            ("the URL's", "redis://127.0.0.1/?timeout=5000", Some(5_000)),
            ("with other options", "redis://127.0.0.1/?protocol=resp3&timeout=20", Some(20)),
            ("none", "redis://127.0.0.1/?timeout=0", None),
            ("a unit", "redis://127.0.0.1/?timeout=2s", None),
        ] {
            let timeout = Address::parse(url).ok().map(|address| address.timeout.as_millis());
            assert_eq!(timeout, expected, "{row}");
        }
    }

    #[test]
    fn durability_is_aof_or_an_error() {
        for (row, url, expected) in [
            ("none", "redis://127.0.0.1/", Some(false)),
            ("on disks", "redis://127.0.0.1/?durability=aof", Some(true)),
            ("something else", "redis://127.0.0.1/?durability=disk", None),
        ] {
            assert_eq!(Address::parse(url).ok().map(|address| address.disk), expected, "{row}");
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn a_missing_tls_feature_is_named() {
        for url in ["rediss://127.0.0.1/", "valkeys://127.0.0.1/"] {
            let error = Address::parse(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("feature `tls`"), "{url}: {error}");
        }
    }

    #[test]
    #[cfg(feature = "tls")]
    fn certificates_are_checked_when_connecting() {
        let none = "/nonexistent/ca.pem";
        for (row, url, expected) in [
            ("no TLS", "redis://127.0.0.1/?ca=/dev/null".to_owned(), "need rediss://"),
            ("no file", format!("rediss://127.0.0.1/?ca={none}"), none),
            ("no key", "rediss://127.0.0.1/?cert=/dev/null".to_owned(), "need each other"),
            ("no PEM", "rediss://127.0.0.1/?cert=/dev/null&key=/dev/null".to_owned(), "in PEM"),
        ] {
            let error = Address::parse(&url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{row}: {error}");
        }
        assert!(Address::parse("rediss://127.0.0.1/").is_ok());
    }
}
