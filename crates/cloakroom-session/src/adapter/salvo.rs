//! salvo: the session and the form token as extractors, errors as responses.

use std::borrow::Cow;

use salvo_core::extract::{Extractible, Metadata};
use salvo_core::http::header::HOST;
use salvo_core::http::{HeaderValue, StatusCode, StatusError, Version};
use salvo_core::writing::Scribe;
use salvo_core::{Depot, Request, Response};

use super::http::all;
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
        // salvo copies the first `Host` of an HTTP/1 request into the URI, which would hide that
        // there are two.
        if self.version() < Version::HTTP_2 && self.headers().get_all(HOST).iter().nth(1).is_some() {
            return None;
        }
        self.uri().authority().map(|authority| authority.as_str())
    }

    fn target(&self) -> Cow<'_, str> {
        self.uri().path_and_query().map_or("/", |target| target.as_str()).into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        all(self.headers(), name).into_iter().map(HeaderValue::as_bytes)
    }
}

/// Extracts the session of the request. The first extractor opens it.
///
/// # Errors
/// Responds with 503 if the store couldn't answer, and with 500 if no `SessionHoop` is installed
/// around the handler. The trace has the reason.
impl<'ex> Extractible<'ex> for Session {
    fn metadata() -> &'static Metadata {
        static METADATA: Metadata = Metadata::new("Session");
        &METADATA
    }

    #[allow(refining_impl_trait, reason = "the error is a response")]
    async fn extract(request: &'ex mut Request, _: &'ex mut Depot) -> Result<Self, Error> {
        let slot = SessionSlot::require(request.extensions().get(), "SessionHoop")?;
        slot.open_for(request).await
    }
}

/// Extracts the session of the hoop with the name `N`.
impl<'ex, N: 'static> Extractible<'ex> for NamedSession<N> {
    fn metadata() -> &'static Metadata {
        static METADATA: Metadata = Metadata::new("NamedSession");
        &METADATA
    }

    #[allow(refining_impl_trait, reason = "the error is a response")]
    async fn extract(request: &'ex mut Request, _: &'ex mut Depot) -> Result<Self, Error> {
        let slot = SessionSlot::require(request.extensions().get(), "SessionHoop")?;
        Ok(slot.named::<N>()?.open_for(request).await?.into())
    }
}

impl<'ex> Extractible<'ex> for FormToken {
    fn metadata() -> &'static Metadata {
        static METADATA: Metadata = Metadata::new("FormToken");
        &METADATA
    }

    #[allow(refining_impl_trait, reason = "the error is a response")]
    async fn extract(request: &'ex mut Request, _: &'ex mut Depot) -> Result<Self, Error> {
        let slot = CsrfSlot::require(request.extensions().get(), "CsrfHoop")?;
        slot.form_token(request).await
    }
}

impl Scribe for Error {
    fn render(self, response: &mut Response) {
        PlainResponse::report(&self).render(response);
    }
}

/// Replaces what was rendered before.
impl Scribe for PlainResponse {
    fn render(self, response: &mut Response) {
        // This removes the headers that describe an earlier body.
        StatusError::internal_server_error().render(response);
        response.status_code(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        for (name, value) in self.headers() {
            // The words of this crate are valid in a header, and so is a `ReturnPath`.
            let _ = response.add_header(name, value.as_ref(), true);
        }
        response.body(self.words.into_owned());
    }
}
