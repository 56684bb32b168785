//! The conversion of a request from poem to a tower layer, and back to poem inside the layer.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt as _;
use poem::{Endpoint, Request, RequestParts, Response};
use tower_service::Service;

use crate::body::BoxBody;

/// The wrapped endpoint as a service over `http`, for a layer.
pub struct Inner<E>(Arc<E>);

impl<E> Inner<E> {
    pub(crate) fn new(endpoint: E) -> Self {
        Self(Arc::new(endpoint))
    }
}

/// The endpoint made by a layer around another endpoint.
#[derive(Clone, Debug)]
pub struct Layered<S>(pub(crate) S);

/// The parts of a poem request that `http` doesn't have, carried past the layer. They can't be
/// cloned, so they are taken once.
#[derive(Clone)]
struct Beside(Arc<Mutex<Option<RequestParts>>>);

impl<S, B> Endpoint for Layered<S>
where
    S: Service<http::Request<BoxBody>, Response = http::Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let (mut parts, body) = request.into_parts();
        let mut request = http::Request::new(BoxBody::from(body));
        request.method_mut().clone_from(&parts.method);
        request.uri_mut().clone_from(&parts.uri);
        *request.version_mut() = parts.version;
        *request.headers_mut() = std::mem::take(&mut parts.headers);
        *request.extensions_mut() = std::mem::take(&mut parts.extensions);
        request.extensions_mut().insert(Beside(Arc::new(Mutex::new(Some(parts)))));

        let mut service = self.0.clone();
        let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
        let Ok(response) = service.call(request).await;
        Ok(response.map(boxed).into())
    }
}

impl<E, B> Service<http::Request<B>> for Inner<E>
where
    E: Endpoint + 'static,
    B: Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = http::Response<BoxBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let endpoint = Arc::clone(&self.0);
        let (mut head, body) = request.into_parts();
        let beside = head.extensions.remove::<Beside>();
        let beside = beside.and_then(|beside| beside.0.lock().unwrap_or_else(PoisonError::into_inner).take());
        // A request that the layer created has no such parts.
        let mut parts = beside.unwrap_or_else(|| Request::default().into_parts().0);
        parts.method = head.method;
        parts.uri = head.uri;
        parts.version = head.version;
        parts.headers = head.headers;
        parts.extensions = head.extensions;
        let request = Request::from_parts(parts, boxed(body).into());
        Box::pin(async move { Ok(endpoint.get_response(request).await.into()) })
    }
}

fn boxed<B>(body: B) -> BoxBody
where
    B: Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    body.map_err(io::Error::other).boxed()
}

impl<E> Clone for Inner<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> fmt::Debug for Inner<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}
