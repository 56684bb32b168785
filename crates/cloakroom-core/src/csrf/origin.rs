//! Web origins (RFC 6454) and the ones that are trusted.

use std::fmt;

use crate::error::ConfigError;

/// Scheme, host and port of a page, in lower case and with the default port filled in.
///
/// # Examples
/// ```
/// use cloakroom_core::Origin;
///
/// let origin = Origin::parse("https://Shop.Example:443").unwrap();
/// assert_eq!(origin.to_string(), "https://shop.example");
/// assert_eq!(Origin::of_url("https://shop.example/cart?id=1"), Some(origin));
/// assert_eq!(Origin::parse("https://shop.example/cart"), None, "an origin has no path");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Reads an origin as browsers write it in the `Origin` header; `null` isn't one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        Self::from_parts(scheme, authority)
    }

    /// The origin of an absolute URL, as in the `Referer` header.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        // Browsers read a backslash as a slash (WHATWG URL §4.4): "https://evil.example\@shop.example/" is evil.example's.
        let authority = rest.split(['/', '\\', '?', '#']).next()?;
        // Never look behind an @: "https://shop.example@evil.example/" is evil.example's.
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self::from_parts(scheme, host)
    }

    /// An origin from a scheme and the value of a `Host` header.
    #[must_use]
    pub fn from_parts(scheme: &str, authority: &str) -> Option<Self> {
        let valid_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
            && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it));
        let (host, port) = split_port(authority)?;
        if !valid_scheme || !is_host(host) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let port = port.filter(|port| Some(*port) != default_port(&scheme));
        let host = host.to_ascii_lowercase();
        Some(Self { scheme, host, port })
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    // The colons of an IPv6 address stand between brackets.
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority.get(after_host..)?.split_once(':') {
        None => Some((authority, None)),
        Some((_, port)) => {
            let digits = !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit());
            let host = authority.get(..authority.len() - port.len() - 1)?;
            digits.then(|| port.parse().ok())?.map(|port| (host, Some(port)))
        }
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|it| it.parse::<core::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty() && host.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&it))
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" | "wss" => Some(443),
        "http" | "ws" => Some(80),
        _ => None,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// An origin that is trusted, or `https://*.example.com` for all subdomains of one (and not itself).
///
/// # Examples
/// ```
/// use cloakroom_core::{Origin, OriginPattern};
///
/// let pattern = OriginPattern::parse("https://*.example.com")?;
/// assert!(pattern.matches(&Origin::parse("https://pay.example.com").unwrap()));
/// assert!(!pattern.matches(&Origin::parse("https://evilexample.com").unwrap()));
/// assert!(!pattern.matches(&Origin::parse("http://pay.example.com").unwrap()));
/// # Ok::<(), cloakroom_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern {
    origin: Origin,
    subdomains: bool,
}

impl OriginPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it isn't a scheme, a host and perhaps a port; the message quotes it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let (plain, subdomains) = match text.split_once("://*.") {
            Some((scheme, parent)) => (format!("{scheme}://{parent}"), true),
            None => (text.to_owned(), false),
        };
        match Origin::parse(&plain) {
            Some(origin) if !origin.host.contains('*') => Ok(Self { origin, subdomains }),
            _ => Err(ConfigError::new(
                "trusted_origin",
                format!("{text:?} isn't an origin like https://example.com or https://*.example.com"),
            )),
        }
    }

    /// Whether this origin is trusted.
    #[must_use]
    pub fn matches(&self, origin: &Origin) -> bool {
        if self.origin.scheme != origin.scheme || self.origin.port != origin.port {
            return false;
        }
        if !self.subdomains {
            return self.origin.host == origin.host;
        }
        origin
            .host
            .strip_suffix(&self.origin.host)
            .and_then(|sub| sub.strip_suffix('.'))
            .is_some_and(|sub| !sub.is_empty())
    }
}
