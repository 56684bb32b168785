//! The style sheet and the favicon, which are cached permanently and use no session, and the
//! headers of all responses.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::state::AppState;

const STYLE: &str = include_str!("cloakroom.css");
const FAVICON: &str = include_str!("ticket.svg");

/// The address contains a hash of the content, so that the content at an address never changes.
pub(crate) static STYLE_URL: LazyLock<String> = LazyLock::new(|| format!("/cloakroom.css?v={:016x}", hash(STYLE)));

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/cloakroom.css", get(|| async { cached("text/css; charset=utf-8", STYLE) }))
        .route("/ticket.svg", get(|| async { cached("image/svg+xml", FAVICON) }))
}

fn cached(kind: &'static str, content: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, content).into_response()
}

/// Computes FNV-1a. It distinguishes releases and has no security purpose.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Allows no scripts and no frames, and forms only to the two names of this machine, which the
/// forgery page needs.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
    form-action 'self' http://127.0.0.1:* http://localhost:*";

pub(crate) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
