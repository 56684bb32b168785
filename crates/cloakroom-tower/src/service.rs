//! The session service: the session of one request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cloakroom_session::adapter::{CommitFuture, DeviceCall, NotCommitted, ResponseEffects, SessionSlot, Watched};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::answers::{OnError, Shared};
use crate::body::{ResponseBody, device_response};

/// The service created by [`SessionLayer`](crate::SessionLayer).
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> SessionService<S> {
    pub(crate) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, Q, B> Service<Request<Q>> for SessionService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    B: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = SessionFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let slot = SessionSlot::inside(Arc::clone(&self.shared.engine), request.extensions().get());
        let stage = if let Some(call) = slot.device_call(&request) {
            Stage::Answering { call }
        } else {
            request.extensions_mut().insert(slot.clone());
            Stage::Handling { future: Watched::new(Some(slot.clone()), self.inner.call(request)) }
        };
        SessionFuture { slot, shared: Arc::clone(&self.shared), stage }
    }
}

impl<S: fmt::Debug> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`SessionService`]: the handler's future, then the commit.
    ///
    /// If it is dropped before the handler returns, nothing is committed. If it is dropped later,
    /// the commit continues in the background.
    pub struct SessionFuture<F, B> {
        slot: SessionSlot,
        shared: Arc<Shared>,
        #[pin]
        stage: Stage<F, B>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<F, B> {
        Answering { call: DeviceCall },
        Handling { #[pin] future: Watched<F> },
        Committing { #[pin] commit: CommitFuture, response: Option<Response<B>> },
    }
}

impl<F, B, E> Future for SessionFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                StageProj::Answering { call } => {
                    let answer = ready!(Pin::new(call).poll(cx));
                    return Poll::Ready(Ok(device_response(&answer).map(ResponseBody::words)));
                }
                StageProj::Handling { future } => {
                    let response = ready!(future.poll(cx))?;
                    let commit = this.slot.finish(response.status().as_u16());
                    if commit.is_untouched() {
                        return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                    }
                    this.stage.set(Stage::Committing { commit, response: Some(response) });
                }
                StageProj::Committing { commit, response } => {
                    let outcome = ready!(commit.poll(cx));
                    let Some(response) = response.take() else {
                        // A completed future isn't polled again.
                        return Poll::Pending;
                    };
                    return Poll::Ready(Ok(finish(response, outcome, &this.shared.on_error)));
                }
            }
        }
    }
}

fn finish<B>(
    response: Response<B>,
    outcome: Result<ResponseEffects, NotCommitted>,
    on_error: &OnError,
) -> Response<ResponseBody<B>> {
    let (mut response, effects) = match outcome {
        Ok(effects) => (response.map(ResponseBody::inner), effects),
        Err(failure) => (on_error(&failure.error).map(ResponseBody::words), failure.effects),
    };
    effects.apply(response.headers_mut());
    response
}

impl<F, B> fmt::Debug for SessionFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFuture").finish_non_exhaustive()
    }
}
