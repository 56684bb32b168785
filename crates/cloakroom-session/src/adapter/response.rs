//! Writing a response's head.

use std::borrow::Cow;

use cloakroom_core::{cache_control, invites_shared_caches, is_targeted_cache_field, overrides_cache_control, vary};

use super::request::text;
use crate::slot::ResponseEffects;

const VARY: &str = "vary";
const CACHE_CONTROL: &str = "cache-control";

/// The headers of a response of any framework. Names are passed in lower case.
///
/// Methods added in a later release have a default implementation.
pub trait ResponseHeaders {
    /// Returns the names of all headers. A name with several lines may be returned several times.
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>>;

    /// Returns the values of a header, one for each of its lines.
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// Appends a line.
    fn append(&mut self, name: &'static str, value: &'static str);

    /// Removes all lines of a name that [`ResponseHeaders::names`] returned.
    fn remove(&mut self, name: &str);

    /// Replaces all lines of this name with one line.
    fn replace(&mut self, name: &'static str, value: &'static str);

    /// Appends a `Set-Cookie` line, marked sensitive, which keeps it out of logs and of HTTP/2's
    /// header compression tables. Returns `false` if the text isn't a valid header value.
    fn append_cookie(&mut self, line: String) -> bool;
}

impl ResponseEffects {
    /// Writes the effects of a session to the response's headers.
    pub fn apply(self, headers: &mut impl ResponseHeaders) {
        if self.opened
            && let Some(field) = vary(headers.lines(VARY).filter_map(text))
        {
            headers.append(VARY, field);
        }
        let mut private = self.private;
        for cookie in self.cookies {
            if headers.append_cookie(cookie.into_string()) {
                private = true;
            } else {
                // Names, attributes and base64url are printable ASCII, but a custom factory's value
                // may not be.
                tracing::error!("a cookie was not sent: its text isn't a valid header value");
            }
        }
        if private {
            keep_from_caches(headers);
        }
    }
}

/// Prevents caching of a response that sets our cookie or contains a CSRF token.
fn keep_from_caches(headers: &mut impl ResponseHeaders) {
    let overriding = |name: &Cow<'_, str>| {
        is_targeted_cache_field(name)
            && headers.lines(name).any(|value| text(value).is_none_or(|value| overrides_cache_control(name, value)))
    };
    let mut corrected: Vec<String> = headers.names().filter(overriding).map(Cow::into_owned).collect();
    corrected.dedup();
    for name in &corrected {
        headers.remove(name);
    }
    if let Some(directives) = cache_control(headers.lines(CACHE_CONTROL).filter_map(text)) {
        if invites_shared_caches(headers.lines(CACHE_CONTROL).filter_map(text)) {
            corrected.push(CACHE_CONTROL.to_owned());
        }
        headers.replace(CACHE_CONTROL, directives);
    }
    if !corrected.is_empty() {
        tracing::warn!(
            fields = corrected.join(", "),
            "a response for one visitor was marked for shared caches: corrected to no-store"
        );
    }
}
