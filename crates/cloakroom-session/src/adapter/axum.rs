//! axum: the session as an extractor, errors as responses.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use cloakroom_core::CookieHeader;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::error::Error;
use crate::session::Session;
use crate::slot::SessionSlot;

/// The session of the request, opened when the first extractor asks for it.
///
/// # Errors
/// 503 when the store couldn't answer, 500 when no `SessionLayer` is installed around the handler; the trace says which.
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let slot = parts.extensions.get::<SessionSlot>().ok_or_else(|| Error::missing_layer("SessionLayer"))?;
        let lines = parts.headers.get_all(header::COOKIE);
        slot.open(CookieHeader::new(lines.iter().map(HeaderValue::as_bytes))).await
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        tracing::error!(error = &self as &dyn std::error::Error, "session error");
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = status.canonical_reason().unwrap_or_default();
        let mut response = (status, body).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
