//! Pages for refusals and errors: advice for the user, without internal details.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use cloakroom::{Error, Refusal};

use crate::page::Frame;

#[derive(Debug, Template)]
#[template(path = "sorry.html")]
struct Sorry<'a> {
    frame: Frame,
    status: u16,
    heading: &'a str,
    words: &'a str,
    /// The reason of the CSRF check: its short name, and a sentence for developers.
    refusal: Option<Refusal>,
}

fn page(status: StatusCode, heading: &str, words: &str, refusal: Option<Refusal>) -> Response<Bytes> {
    let sorry = Sorry { frame: Frame::bare(), status: status.as_u16(), heading, words, refusal };
    // If the template fails, fall back to the heading.
    let text = sorry.render().unwrap_or_else(|_| heading.to_owned());
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn page_for(status: StatusCode) -> Response<Bytes> {
    let (heading, words) = match status.as_u16() {
        404 => ("No such hook", "There is no page at this address."),
        405 => ("Not that way", "This address doesn’t accept this kind of request."),
        413 => ("Too much to carry", "That was more than we can take over the counter at once."),
        503 => ("Back in a moment", "The counter is unattended. Please try again in a few seconds."),
        400..=499 => {
            ("We didn’t get that", "Your browser sent data that this page doesn’t expect. Go back and try again.")
        }
        _ => ("Something fell off its hook", "The error is on our side. None of your data was changed."),
    };
    page(status, heading, words, None)
}

/// The response to a request refused by the CSRF layer.
pub(crate) fn refused(refusal: Refusal) -> Response<Bytes> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
    let words = "This request doesn’t come from one of our forms, so it had no effect.";
    page(status, "Not without a ticket", words, Some(refusal))
}

/// The response to a failed commit.
pub(crate) fn not_committed(error: &Error) -> Response<Bytes> {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if error.is_too_large() {
        let words = "That doesn’t fit into a session cookie, which holds 4,096 bytes at most. \
                     Nothing was stored, and your session is unchanged.";
        page(status, "Too large for the hook", words, None)
    } else {
        page_for(status)
    };
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

pub(crate) async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// Replaces plain-text errors of handlers and extractors by a page. The headers are kept.
pub(crate) async fn in_our_words(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let (ours, words) = page_for(status).into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    for (name, value) in &ours.headers {
        parts.headers.insert(name, value.clone());
    }
    Response::from_parts(parts, Body::from(words))
}
