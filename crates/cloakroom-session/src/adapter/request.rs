//! What is read from a request's head.

use cloakroom_core::{CookieHeader, CsrfRules, RequestFacts};

/// The head of a request, whatever framework it belongs to.
pub trait RequestHead {
    /// The method, in upper case.
    fn method(&self) -> &str;

    /// The host and port of the request's own URI, which HTTP/2 sends in the place of `Host`.
    fn authority(&self) -> Option<&str>;

    /// The values of a header, one for each of its lines. `name` is in lower case.
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// The cookies that it brings.
    fn cookies(&self) -> CookieHeader<'_> {
        CookieHeader::new(self.lines("cookie"))
    }

    /// What it says about where it comes from.
    fn facts(&self) -> RequestFacts<'_> {
        // A header that came twice, or isn't text, is a value that nothing equals.
        let one = |name: &'static str| {
            let mut lines = self.lines(name);
            let first = text(lines.next()?).unwrap_or_default();
            Some(if lines.next().is_none() { first } else { "" })
        };
        RequestFacts {
            method: self.method(),
            host: self.authority().or_else(|| one("host")),
            sec_fetch_site: one("sec-fetch-site"),
            origin: one("origin"),
            referer: one("referer"),
        }
    }

    /// The CSRF token in the header that the rules name, if it is there. A wrong one isn't made good by the form.
    fn csrf_token<'a>(&'a self, rules: &'a CsrfRules) -> Option<&'a str> {
        let value = self.lines(rules.header_name()).next()?;
        Some(text(value).unwrap_or("not text")).filter(|value| !value.is_empty())
    }

    /// Its content type.
    fn content_type(&self) -> Option<&str> {
        self.lines("content-type").next().and_then(text)
    }
}

/// The value of a header, if it is text.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| text.is_ascii())
}
