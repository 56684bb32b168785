//! From headers to what the session crate understands, and back.

use cloakroom_session::{CookieHeader, ResponseEffects, SetCookie, cache_control, vary};
use http::{HeaderMap, HeaderValue, header};

/// The request's cookies.
pub(crate) fn cookies(headers: &HeaderMap) -> CookieHeader<'_> {
    CookieHeader::new(headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes))
}

/// Carries out what the session asks of the response.
pub(crate) fn apply(effects: ResponseEffects, headers: &mut HeaderMap) {
    if effects.opened
        && let Some(field) = vary(texts(headers, header::VARY))
    {
        headers.append(header::VARY, HeaderValue::from_static(field));
    }
    for cookie in effects.cookies {
        set_cookie(cookie, headers);
    }
}

/// Appends a `Set-Cookie`, and keeps caches away from the response.
fn set_cookie(cookie: SetCookie, headers: &mut HeaderMap) {
    let Ok(mut value) = HeaderValue::try_from(cookie.into_string()) else {
        // Names, attributes and base64url are printable ASCII; a custom factory's value may not be.
        tracing::error!("a cookie was not sent: its text can't be a header");
        return;
    };
    // Kept out of logs, and out of the tables that HTTP/2 compresses headers with.
    value.set_sensitive(true);
    headers.append(header::SET_COOKIE, value);
    if let Some(directive) = cache_control(texts(headers, header::CACHE_CONTROL)) {
        let shared = |value: &str| value.contains("public") || value.contains("s-maxage");
        if texts(headers, header::CACHE_CONTROL).any(|value| shared(&value.to_ascii_lowercase())) {
            tracing::warn!("response with a session cookie was marked for shared caches: corrected to no-store");
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(directive));
    }
}

fn texts(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}
