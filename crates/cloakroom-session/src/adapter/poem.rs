//! poem: the session as an extractor, errors as errors of poem.

use cloakroom_core::CookieHeader;
use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{FromRequest, Request, RequestBody, Response};

use crate::error::Error;
use crate::session::Session;
use crate::slot::SessionSlot;

/// The session of the request, opened when the first extractor asks for it.
///
/// # Errors
/// 503 when the store couldn't answer, 500 when no `SessionLayer` is installed around the handler; the trace says which.
impl<'a> FromRequest<'a> for Session {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let slot = request.extensions().get::<SessionSlot>().ok_or_else(|| Error::missing_layer("SessionLayer"))?;
        let lines = request.headers().get_all(header::COOKIE);
        Ok(slot.open(CookieHeader::new(lines.iter().map(HeaderValue::as_bytes))).await?)
    }
}

impl ResponseError for Error {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(Self::status(self)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        tracing::error!(error = self as &dyn std::error::Error, "session error");
        let status = ResponseError::status(self);
        let response = Response::builder().status(status);
        let response = match self.retry_after() {
            Some(seconds) => response.header(header::RETRY_AFTER, HeaderValue::from(seconds)),
            None => response,
        };
        response.content_type("text/plain; charset=utf-8").body(status.canonical_reason().unwrap_or_default())
    }
}
