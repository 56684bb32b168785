//! Web origins (RFC 6454), and patterns of trusted origins.

use core::net::Ipv6Addr;
use std::fmt;

use crate::error::ConfigError;

/// The scheme, host and port of a page.
///
/// They are in lower case and without the scheme's default port.
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
    /// Parses an origin in the form of the `Origin` header. Returns `None` for `null`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        Self::from_parts(scheme, authority)
    }

    /// Returns the origin of an absolute URL, such as that of the `Referer` header.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        // Browsers treat a backslash as a slash (WHATWG URL §4.4):
        // "https://evil.example\@shop.example/" has the origin of evil.example.
        let authority = rest.split(['/', '\\', '?', '#']).next()?;
        // The host is after the last @: "https://shop.example@evil.example/" has the origin of
        // evil.example.
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self::from_parts(scheme, host)
    }

    /// Creates an origin from a scheme and the value of a `Host` header.
    #[must_use]
    pub fn from_parts(scheme: &str, authority: &str) -> Option<Self> {
        let valid_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
            && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it));
        if !valid_scheme {
            return None;
        }
        let (host, port) = split_port(authority)?;
        let host = normal_host(host)?;
        let scheme = scheme.to_ascii_lowercase();
        let port = port.filter(|port| Some(*port) != default_port(&scheme));
        Some(Self { scheme, host, port })
    }

    /// Returns `true` if a web application can have this origin: `https`, or `http` in development.
    pub(super) fn is_of_the_web(&self) -> bool {
        matches!(self.scheme.as_str(), "https" | "http")
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.host.contains('*')
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    // The colons of an IPv6 address are between brackets.
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

/// Normalizes a host: names to lower case, IPv6 addresses to their shortest form.
fn normal_host(host: &str) -> Option<String> {
    if let Some(rest) = host.strip_prefix('[') {
        let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let valid = host.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&it));
    (valid && !host.is_empty()).then(|| host.to_ascii_lowercase())
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

/// A trusted origin, or all subdomains of a domain.
///
/// `https://*.example.com` matches all subdomains of the domain, but not the domain itself.
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
    /// Parses a pattern.
    ///
    /// # Errors
    /// Returns an error if no page can have such an origin, or if the pattern covers a whole
    /// top-level domain. The message quotes the pattern.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let wrong = |problem: &str| Err(ConfigError::new("trusted_origin", format!("{text:?} {problem}")));
        let (plain, subdomains) = match text.split_once("://*.") {
            Some((scheme, parent)) => (format!("{scheme}://{parent}"), true),
            None => (text.to_owned(), false),
        };
        let Some(origin) = Origin::parse(&plain).filter(|origin| !origin.has_wildcard()) else {
            return wrong("isn't an origin like https://example.com or https://*.example.com");
        };
        if NEVER_ORIGINS.contains(&origin.scheme.as_str()) {
            return wrong("has a scheme that no Origin header names; a page is on https, http or the scheme of an app");
        }
        if subdomains && !can_have_subdomains(&origin.host) {
            return wrong("means all of a top-level domain, or the subdomains of an address");
        }
        Ok(Self { origin, subdomains })
    }

    /// Returns `true` if this origin is trusted.
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

/// Schemes whose pages have the origin `null`, and those of WebSockets, whose handshakes carry the
/// origin of the page.
const NEVER_ORIGINS: &[&str] = &["javascript", "data", "blob", "about", "file", "filesystem", "vbscript", "ws", "wss"];

fn can_have_subdomains(parent: &str) -> bool {
    let parent = parent.strip_suffix('.').unwrap_or(parent);
    let last = parent.rsplit('.').next().unwrap_or_default();
    let address = parent.starts_with('[') || last.bytes().all(|it| it.is_ascii_digit());
    // `localhost` is for development; its subdomains are on the same machine.
    !address && (parent == "localhost" || parent.split('.').filter(|label| !label.is_empty()).count() > 1)
}
