//! actix-web: the session and the form token as extractors, errors and answers as responses.

use std::borrow::Cow;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};

use super::names::standard_names;
use super::{PlainResponse, RequestHead, ResponseHeaders};
use crate::csrf::{CsrfSlot, FormToken};
use crate::error::Error;
use crate::named::NamedSession;
use crate::session::Session;
use crate::slot::SessionSlot;

impl RequestHead for HttpRequest {
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
        all(self.headers(), name)
    }
}

impl ResponseHeaders for HeaderMap {
    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.keys().map(|name| name.as_str().into())
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        all(self, name)
    }

    fn append(&mut self, name: &'static str, value: &'static str) {
        Self::append(self, named(name), HeaderValue::from_static(value));
    }

    fn remove(&mut self, name: &str) {
        Self::remove(self, name);
    }

    fn replace(&mut self, name: &'static str, value: &'static str) {
        self.insert(named(name), HeaderValue::from_static(value));
    }

    fn append_secret(&mut self, name: &'static str, value: String) -> bool {
        let Ok(mut value) = HeaderValue::try_from(value) else { return false };
        value.set_sensitive(true);
        Self::append(self, named(name), value);
        true
    }
}

standard_names!();

fn named(name: &'static str) -> HeaderName {
    standard(name).unwrap_or_else(|| HeaderName::from_static(name))
}

fn all<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let lines = match standard(name) {
        Some(name) => headers.get_all(name),
        None => headers.get_all(name),
    };
    lines.map(HeaderValue::as_bytes)
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

/// Returns a copy of a value that a middleware stored in the request. It is copied because
/// extensions must not stay borrowed across an await.
fn left<T: Clone + 'static>(request: &HttpRequest) -> Option<T> {
    request.extensions().get::<T>().cloned()
}

/// Extracts the session of the request. The first extractor opens it.
///
/// # Errors
/// Responds with 503 if the store couldn't answer, and with 500 if no `SessionMiddleware` is
/// installed around the handler. The trace has the reason.
impl FromRequest for Session {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Extracting<Self> {
        let request = request.clone();
        Box::pin(async move {
            let slot = left::<SessionSlot>(&request).ok_or_else(|| Error::missing_layer("SessionMiddleware"))?;
            slot.open_for(&request).await
        })
    }
}

/// Extracts the session of the middleware with the name `N`.
impl<N: 'static> FromRequest for NamedSession<N> {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Extracting<Self> {
        let request = request.clone();
        Box::pin(async move {
            let slot = left::<SessionSlot>(&request).ok_or_else(|| Error::missing_layer("SessionMiddleware"))?;
            Ok(slot.named::<N>()?.open_for(&request).await?.into())
        })
    }
}

impl FromRequest for FormToken {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Extracting<Self> {
        let request = request.clone();
        Box::pin(async move {
            let slot = left::<CsrfSlot>(&request).ok_or_else(|| Error::missing_layer("CsrfMiddleware"))?;
            slot.form_token(&request).await
        })
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        PlainResponse::report(self).into()
    }
}

impl From<PlainResponse> for HttpResponse {
    fn from(answer: PlainResponse) -> Self {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Self::build(status);
        for (name, value) in answer.headers() {
            response.insert_header((name, value.as_ref()));
        }
        response.body(answer.words)
    }
}
