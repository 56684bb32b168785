//! Reading a request's head.

use std::borrow::Cow;

use cloakroom_core::{CookieHeader, CsrfRules, HeaderFact, RequestFacts, RequestKind};

/// The head of a request of any framework.
///
/// Methods added in a later release have a default implementation.
pub trait RequestHead {
    /// Returns the method, in upper case.
    fn method(&self) -> &str;

    /// Returns the host and port of the request's URI, which HTTP/2 sends instead of `Host`.
    fn authority(&self) -> Option<&str>;

    /// Returns the path and the query of the request's URI.
    ///
    /// It is the URI that the session layer sees. It is read only if sessions are bound to devices.
    fn target(&self) -> Cow<'_, str>;

    /// Returns the values of a header, one for each of its lines. `name` is in lower case.
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// Returns the request's cookies.
    fn cookies(&self) -> CookieHeader<'_> {
        CookieHeader::new(self.lines("cookie"))
    }

    /// Returns `true` for a WebSocket handshake: `GET` with `Upgrade: websocket` (RFC 6455), or
    /// `CONNECT` (RFC 8441 in HTTP/2, RFC 9220 in HTTP/3).
    ///
    /// Every `CONNECT` counts. In HTTP/2 the frameworks' `:protocol` isn't examined, because no
    /// page can send the other kind of `CONNECT`, a request for a tunnel through a proxy.
    fn is_handshake(&self) -> bool {
        match self.method() {
            "CONNECT" => true,
            "GET" => self
                .lines("upgrade")
                .filter_map(text)
                .flat_map(|line| line.split(','))
                .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket")),
            _ => false,
        }
    }

    /// Returns the kind of the request: from a visitor, or from a browser by itself.
    ///
    /// It is determined from `Sec-Purpose` and its older forms, and from `Sec-Fetch-Dest`.
    fn kind(&self) -> RequestKind {
        let purposes = RequestKind::PURPOSE_HEADERS.iter().flat_map(|name| self.lines(name)).filter_map(text);
        RequestKind::from_headers(purposes, self.lines(RequestKind::DESTINATION_HEADER).next().and_then(text))
    }

    /// Returns the headers that identify the request's origin.
    fn facts(&self) -> RequestFacts<'_> {
        let one = |name| fact(self, name);
        let host = self.authority().map_or_else(|| one("host"), HeaderFact::Value);
        let facts = RequestFacts::new(self.method()).host(host).sec_fetch_site(one("sec-fetch-site"));
        let facts = facts.origin(one("origin")).referer(one("referer"));
        if self.is_handshake() { facts.handshake() } else { facts }
    }

    /// Returns the CSRF token in the header that the rules name, if present. If it is wrong, the
    /// form isn't searched.
    fn csrf_token<'a>(&'a self, rules: &'a CsrfRules) -> Option<&'a str> {
        let value = self.lines(rules.header_name()).next()?;
        Some(text(value).unwrap_or("not text")).filter(|value| !value.is_empty())
    }

    /// Returns the content type.
    fn content_type(&self) -> Option<&str> {
        self.lines("content-type").next().and_then(text)
    }
}

/// Returns the value of a header, if it is ASCII text.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| text.is_ascii())
}

/// Returns a header that must occur only once.
pub(crate) fn fact<'a>(head: &'a (impl RequestHead + ?Sized), name: &'static str) -> HeaderFact<'a> {
    let mut lines = head.lines(name);
    let Some(first) = lines.next() else { return HeaderFact::Absent };
    match (text(first), lines.next()) {
        (Some(value), None) => HeaderFact::Value(value),
        _ => HeaderFact::Malformed,
    }
}

/// A head that has only header lines.
#[cfg(test)]
pub(crate) struct Lines(pub(crate) Vec<(&'static str, &'static [u8])>);

#[cfg(test)]
impl RequestHead for Lines {
    fn method(&self) -> &str {
        "GET"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn target(&self) -> Cow<'_, str> {
        "/".into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(it, _)| *it == name).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_core::RequestKind::{self, Ordinary, Speculative, Subresource};

    use super::{Lines, RequestHead as _};

    #[test]
    fn the_kind_is_read_from_five_headers() {
        type Head<'a> = &'a [(&'static str, &'static [u8])];
        #[rustfmt::skip] // one row, one line
        let rows: &[(&str, Head<'_>, RequestKind)] = &[
            ("no header", &[], Ordinary),
            ("a navigation", &[("sec-fetch-dest", b"document")], Ordinary),
            ("a fetch", &[("sec-fetch-dest", b"empty")], Ordinary),
            ("an image", &[("sec-fetch-dest", b"image")], Subresource),
            ("Sec-Purpose", &[("sec-purpose", b"prefetch;prerender"), ("sec-fetch-dest", b"document")], Speculative),
            ("Sec-Purpose in a second line", &[("sec-purpose", b"x"), ("sec-purpose", b"prefetch")], Speculative),
            ("Purpose", &[("purpose", b"prefetch")], Speculative),
            ("X-Purpose", &[("x-purpose", b"preview")], Speculative),
            ("X-Moz", &[("x-moz", b"prefetch")], Speculative),
            ("a purpose that isn't text", &[("sec-purpose", b"prefetch\xff"), ("sec-fetch-dest", b"font")], Subresource),
            ("a header of another name", &[("x-sec-purpose", b"prefetch")], Ordinary),
        ];
        for (name, lines, kind) in rows {
            assert_eq!(Lines(lines.to_vec()).kind(), *kind, "{name}");
        }
    }
}
