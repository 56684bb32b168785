//! The effects of a session on the response, and writing them to its head.

use std::borrow::Cow;

use cloakroom_core::{
    SetCookie, cache_control, invites_shared_caches, is_targeted_cache_field, overrides_cache_control, vary, vary_by,
};

use crate::adapter::{ResponseHeaders, text};

const SET_COOKIE: &str = "set-cookie";
const VARY: &str = "vary";
const CACHE_CONTROL: &str = "cache-control";

/// The effects of a session on the response.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ResponseEffects {
    /// The response depends on the cookie, so it needs `Vary: Cookie`.
    pub opened: bool,
    /// A CSRF token was handed out for the response, so no cache may store it.
    pub private: bool,
    /// The `Set-Cookie` lines to append; mark them sensitive. A response with one of them must not
    /// be stored by a cache either.
    pub cookies: Vec<SetCookie>,
    /// Other lines to append, with names in lower case; mark them sensitive. No cache may store a
    /// response with one of them.
    pub headers: Vec<(&'static str, String)>,
    /// The request header that may name a session as well, so a response that depends on the cookie
    /// varies by it.
    pub vary_by: Option<&'static str>,
    /// The response header that gets the value of the session's cookie instead of `Set-Cookie`.
    pub id_header: Option<&'static str>,
}

impl ResponseEffects {
    /// Writes the effects of a session to the response's headers.
    pub fn apply(self, headers: &mut impl ResponseHeaders) {
        if self.opened
            && let Some(field) = vary(headers.lines(VARY).filter_map(text))
        {
            headers.append(VARY, field);
        }
        if self.opened
            && let Some(field) = self.vary_by.and_then(|name| vary_by(name, headers.lines(VARY).filter_map(text)))
        {
            headers.append(VARY, field);
        }
        let mut private = self.private;
        let mut send = |name, value| {
            if headers.append_secret(name, value) {
                private = true;
            } else {
                // Names, attributes and base64url are printable ASCII, but a custom factory's value
                // may not be.
                tracing::error!(header = name, "a header was not sent: its text isn't valid");
            }
        };
        match self.id_header {
            None => self.cookies.into_iter().for_each(|cookie| send(SET_COOKIE, cookie.into_string())),
            Some(name) => only_value(&self.cookies).into_iter().for_each(|value| send(name, value)),
        }
        self.headers.into_iter().for_each(|(name, value)| send(name, value));
        if private {
            keep_from_caches(headers);
        }
    }
}

/// Returns the value for a client without cookies. A removal is an empty value; next to another
/// cookie, it removes one with former attributes.
fn only_value(cookies: &[SetCookie]) -> Option<String> {
    let set = cookies.iter().find(|cookie| !cookie.value().is_empty());
    set.or(cookies.first()).map(|cookie| cookie.value().to_owned())
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
