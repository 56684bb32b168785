//! poem: the session and the form token as extractors, errors as errors of poem.

use std::borrow::Cow;

use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode};
use poem::{FromRequest, Request, RequestBody, Response};

use super::{PlainResponse, RequestHead};
use crate::csrf::{CsrfSlot, FormToken};
use crate::error::Error;
use crate::named::NamedSession;
use crate::session::Session;
use crate::slot::SessionSlot;

impl RequestHead for Request {
    fn method(&self) -> &str {
        Self::method(self).as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.uri().authority().map(|authority| authority.as_str())
    }

    fn target(&self) -> Cow<'_, str> {
        self.uri().path_and_query().map_or("/", |target| target.as_str()).into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers().get_all(name).into_iter().map(HeaderValue::as_bytes)
    }
}

/// Extracts the session of the request. The first extractor opens it.
///
/// # Errors
/// Responds with 503 if the store couldn't answer, and with 500 if no `SessionMiddleware` is
/// installed around the handler. The trace has the reason.
impl<'a> FromRequest<'a> for Session {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let slot = SessionSlot::require(request.extensions().get(), "SessionMiddleware")?;
        Ok(slot.open_for(request).await?)
    }
}

/// Extracts the session of the layer with the name `N`.
impl<'a, N: 'static> FromRequest<'a> for NamedSession<N> {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let slot = SessionSlot::require(request.extensions().get(), "SessionMiddleware")?;
        Ok(slot.named::<N>()?.open_for(request).await?.into())
    }
}

impl<'a> FromRequest<'a> for FormToken {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let slot = CsrfSlot::require(request.extensions().get(), "CsrfMiddleware")?;
        Ok(slot.form_token(request).await?)
    }
}

impl ResponseError for Error {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(Self::status(self)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        PlainResponse::report(self).into()
    }
}

impl From<PlainResponse> for Response {
    fn from(answer: PlainResponse) -> Self {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers();
        let response = Self::builder().status(status);
        headers
            .fold(response, |response, (name, value)| response.header(name, value.as_ref()))
            .body(answer.words.into_owned())
    }
}
