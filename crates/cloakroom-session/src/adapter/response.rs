//! What is written to a response's head.

use std::borrow::Cow;

use cloakroom_core::{cache_control, invites_shared_caches, is_targeted_cache_field, overrides_cache_control, vary};

use super::request::text;
use crate::slot::ResponseEffects;

const VARY: &str = "vary";
const CACHE_CONTROL: &str = "cache-control";

/// The headers of a response, whatever framework it belongs to. Names that are passed in are in
/// lower case.
///
/// Methods that are added later have a default.
pub trait ResponseHeaders {
    /// The names of all headers. A name with several lines may come once or several times.
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>>;

    /// The values of a header, one for each of its lines.
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// Adds a line.
    fn append(&mut self, name: &'static str, value: &'static str);

    /// Removes all lines of this name, which is one that [`ResponseHeaders::names`] listed.
    fn remove(&mut self, name: &str);

    /// Puts one line in the place of all of this name.
    fn replace(&mut self, name: &'static str, value: &'static str);

    /// Adds a `Set-Cookie` line, marked sensitive, which keeps it out of logs and of the tables
    /// that HTTP/2 compresses headers with. `false` if this text can't be a header.
    fn append_cookie(&mut self, line: String) -> bool;
}

impl ResponseEffects {
    /// Carries out what the session asks of the response.
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
                // Names, attributes and base64url are printable ASCII; a custom factory's value may
                // not be.
                tracing::error!("a cookie was not sent: its text can't be a header");
            }
        }
        if private {
            keep_from_caches(headers);
        }
    }
}

/// Keeps a response from every cache: it sets a cookie of ours, or has a CSRF token in it.
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
