//! axum: the session and the form token as extractors, errors as responses.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use super::PlainResponse;
use crate::csrf::{CsrfSlot, FormToken};
use crate::error::Error;
use crate::named::NamedSession;
use crate::session::Session;
use crate::slot::SessionSlot;

/// Extracts the session of the request. The first extractor opens it.
///
/// # Errors
/// Responds with 503 if the store couldn't answer, and with 500 if no `SessionLayer` is installed
/// around the handler. The trace has the reason.
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let slot = SessionSlot::require(parts.extensions.get(), "SessionLayer")?;
        slot.open_for(parts).await
    }
}

/// Extracts the session if there is a `SessionLayer` around the handler.
///
/// It is for code that also serves routes without sessions. A visitor without a session has an
/// empty one, not `None`.
///
/// # Errors
/// Responds with 503 if the store couldn't answer.
impl<S: Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        match parts.extensions.get::<SessionSlot>() {
            Some(slot) => slot.open_for(parts).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Extracts the session of the layer with the name `N`.
impl<S: Sync, N: 'static> FromRequestParts<S> for NamedSession<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let slot = SessionSlot::require(parts.extensions.get(), "SessionLayer")?;
        Ok(slot.named::<N>()?.open_for(parts).await?.into())
    }
}

impl<S: Sync> FromRequestParts<S> for FormToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let slot = CsrfSlot::require(parts.extensions.get(), "CsrfLayer")?;
        slot.form_token(parts).await
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        PlainResponse::report(&self).into_response()
    }
}

impl IntoResponse for PlainResponse {
    fn into_response(self) -> Response {
        let headers = self.headers();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.words).into_response();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::try_from(value.as_ref()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
