//! What is written to a response's head.

use cloakroom_core::{SetCookie, cache_control, vary};

use super::request::text;
use crate::slot::ResponseEffects;

const VARY: &str = "vary";
const CACHE_CONTROL: &str = "cache-control";

/// The headers of a response, whatever framework it belongs to. Names are in lower case.
pub trait ResponseHeaders {
    /// The values of a header, one for each of its lines.
    fn lines<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]>;

    /// Adds a line.
    fn append(&mut self, name: &'static str, value: &'static str);

    /// Puts one line in the place of all of this name.
    fn replace(&mut self, name: &'static str, value: &'static str);

    /// Adds a `Set-Cookie` line, marked sensitive, which keeps it out of logs and of the tables that HTTP/2 compresses headers with.
    /// `false` if this text can't be a header.
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
        for cookie in self.cookies {
            set_cookie(cookie, headers);
        }
    }
}

/// Adds a `Set-Cookie`, and keeps caches away from the response.
fn set_cookie(cookie: SetCookie, headers: &mut impl ResponseHeaders) {
    if !headers.append_cookie(cookie.into_string()) {
        // Names, attributes and base64url are printable ASCII; a custom factory's value may not be.
        tracing::error!("a cookie was not sent: its text can't be a header");
        return;
    }
    if let Some(directive) = cache_control(headers.lines(CACHE_CONTROL).filter_map(text)) {
        let shared = |value: &str| value.contains("public") || value.contains("s-maxage");
        if headers.lines(CACHE_CONTROL).filter_map(text).any(|value| shared(&value.to_ascii_lowercase())) {
            tracing::warn!("response with a session cookie was marked for shared caches: corrected to no-store");
        }
        headers.replace(CACHE_CONTROL, directive);
    }
}
