//! The CSRF service: the check of one request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cloakroom_session::CsrfGuard;
use cloakroom_session::adapter::{CsrfDecision, CsrfSlot, ReplayBody, SessionSlot, Watched};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::answers::Answers;
use crate::body::ResponseBody;

/// The service created by [`CsrfLayer`](crate::CsrfLayer).
#[derive(Clone)]
pub struct CsrfService<S> {
    inner: S,
    guard: Arc<CsrfGuard>,
    answers: Answers,
}

impl<S> CsrfService<S> {
    pub(crate) const fn new(inner: S, guard: Arc<CsrfGuard>, answers: Answers) -> Self {
        Self { inner, guard, answers }
    }
}

impl<S, Q, B> Service<Request<Q>> for CsrfService<S>
where
    S: Service<Request<ReplayBody<Q>>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Body<Data = Bytes> + Send + 'static,
    Q::Error: Send,
    B: Body<Data = Bytes> + 'static,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = CsrfFuture<S::Future, B, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let slot = CsrfSlot::new(Arc::clone(&self.guard), parts.extensions.get::<SessionSlot>().cloned());
        let decision = slot.check_head(&parts, parts.extensions.get::<CsrfSlot>());
        parts.extensions.insert(slot.clone());

        let body = ReplayBody::untouched(body);
        let route = match decision {
            CsrfDecision::Refused(refusal) => {
                Route::Refused { response: Some((self.answers.on_refusal)(refusal, &parts)) }
            }
            CsrfDecision::TokenNeeded => {
                // The service that is ready handles this request; a clone of it waits for the next
                // one.
                let next = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, next);
                let answers = self.answers.clone();
                Route::Checking { check: Box::pin(check(inner, slot.clone(), answers, parts, body)) }
            }
            CsrfDecision::Unchecked | CsrfDecision::Passed | CsrfDecision::Reported(_) => {
                Route::Passed { future: slot.watch(self.inner.call(Request::from_parts(parts, body))) }
            }
        };
        CsrfFuture { slot, route }
    }
}

/// Compares the token, then calls the handler or refuses the request.
async fn check<S, Q, B>(
    mut inner: S,
    slot: CsrfSlot,
    answers: Answers,
    parts: Parts,
    mut body: ReplayBody<Q>,
) -> Result<Response<ResponseBody<B>>, S::Error>
where
    S: Service<Request<ReplayBody<Q>>, Response = Response<B>>,
    Q: Body<Data = Bytes> + 'static,
{
    let instead = match slot.check_token(&parts, &mut body).await.map(CsrfDecision::refusal) {
        Ok(None) => {
            let response = slot.watch(inner.call(Request::from_parts(parts, body))).await?;
            return Ok(response.map(ResponseBody::inner));
        }
        Ok(Some(refusal)) => (answers.on_refusal)(refusal, &parts),
        Err(error) => (answers.on_error)(&error),
    };
    Ok(instead.map(ResponseBody::words))
}

impl<S: fmt::Debug> fmt::Debug for CsrfService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

type Check<B, E> = Pin<Box<dyn Future<Output = Result<Response<ResponseBody<B>>, E>> + Send>>;

pin_project! {
    /// The future of [`CsrfService`].
    pub struct CsrfFuture<F, B, E> {
        slot: CsrfSlot,
        #[pin]
        route: Route<F, B, E>,
    }
}

pin_project! {
    #[project = RouteProj]
    enum Route<F, B, E> {
        Passed { #[pin] future: Watched<F> },
        Checking { check: Check<B, E> },
        Refused { response: Option<Response<Bytes>> },
    }
}

impl<F, B, E> Future for CsrfFuture<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.route.project() {
            RouteProj::Passed { future } => ready!(future.poll(cx))?.map(ResponseBody::inner),
            RouteProj::Checking { check } => ready!(check.as_mut().poll(cx))?,
            RouteProj::Refused { response } => match response.take() {
                Some(response) => response.map(ResponseBody::words),
                // A completed future isn't polled again.
                None => return Poll::Pending,
            },
        };
        this.slot.effects().apply(response.headers_mut());
        Poll::Ready(Ok(response))
    }
}

impl<F, B, E> fmt::Debug for CsrfFuture<F, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfFuture").field("slot", &self.slot).finish_non_exhaustive()
    }
}
