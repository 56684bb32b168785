//! What happens to responses.

use std::io::Cursor;

use cloakroom_session::{Error, ResponseEffects, SetCookie, cache_control, vary};
use rocket::http::{ContentType, Status};
use rocket::response::Response;

/// Carries out what the session asks of the response.
pub(crate) fn apply(effects: ResponseEffects, response: &mut Response<'_>) {
    if effects.opened
        && let Some(field) = vary(response.headers().get("vary"))
    {
        response.adjoin_raw_header("Vary", field);
    }
    for cookie in effects.cookies {
        set_cookie(cookie, response);
    }
}

/// Appends a `Set-Cookie`, and keeps caches away from the response.
fn set_cookie(cookie: SetCookie, response: &mut Response<'_>) {
    let text = cookie.into_string();
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        // Names, attributes and base64url are printable ASCII; a custom factory's value may not be, and Rocket would send no response.
        tracing::error!("a cookie was not sent: its text can't be a header");
        return;
    }
    response.adjoin_raw_header("Set-Cookie", text);
    if let Some(directive) = cache_control(response.headers().get("cache-control")) {
        response.set_raw_header("Cache-Control", directive);
    }
}

/// A plain-text response that no cache may keep.
pub(crate) fn plain<'r>(status: u16, words: String) -> Response<'r> {
    let mut response = Response::build();
    response.status(Status::new(status)).header(ContentType::Plain).raw_header("Cache-Control", "no-store");
    response.sized_body(words.len(), Cursor::new(words)).finalize()
}

/// The response for an error: its status in the status' own words, for what the error says isn't for the client.
pub(crate) fn sorry<'r>(error: &Error) -> Response<'r> {
    let status = Status::new(error.status());
    let mut response = plain(status.code, status.reason_lossy().to_owned());
    if let Some(seconds) = error.retry_after() {
        response.set_raw_header("Retry-After", seconds.to_string());
    }
    response
}
