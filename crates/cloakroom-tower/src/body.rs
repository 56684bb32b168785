//! Response bodies: the handler's body, or a short text that replaces it.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use cloakroom_session::adapter::{DeviceAnswer, PlainResponse};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response that passed through a layer of this crate.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProj]
    enum Kind<B> {
        Inner { #[pin] body: B },
        Words { words: Option<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    /// Wraps the handler's body.
    pub(crate) const fn inner(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    /// Creates a body with a short text.
    pub(crate) fn words(words: Bytes) -> Self {
        let words = Some(words).filter(|words| !words.is_empty());
        Self { kind: Kind::Words { words } }
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Inner { body } => body.poll_frame(cx),
            KindProj::Words { words } => Poll::Ready(words.take().map(|words| Ok(Frame::data(words)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Words { words } => words.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Words { words } => {
                SizeHint::with_exact(words.as_ref().map_or(0, |words| u64::try_from(words.len()).unwrap_or(u64::MAX)))
            }
        }
    }
}

/// Converts the answer to a browser that registers its device or refreshes.
pub(crate) fn device_response(answer: &DeviceAnswer) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(answer.body().to_owned()));
    *response.status_mut() = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers() {
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(true);
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Converts one of the adapters' shared answers to a response.
pub(crate) fn response(answer: PlainResponse) -> Response<Bytes> {
    let headers = answer.headers();
    let words = match answer.words {
        Cow::Borrowed(words) => Bytes::from_static(words.as_bytes()),
        Cow::Owned(words) => Bytes::from(words),
    };
    let mut response = Response::new(words);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value.as_ref()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
