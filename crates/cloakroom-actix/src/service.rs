//! The session service: the session of one request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage as _, HttpRequest};
use cloakroom_session::Engine;
use cloakroom_session::adapter::{CommitFuture, DeviceCall, SessionSlot, Watched};
use pin_project_lite::pin_project;

use crate::answers::{OnError, device_response};
use crate::outcome::{Outcome, carry, replace, status};

/// The service created by [`SessionMiddleware`](crate::SessionMiddleware).
pub struct SessionService<S> {
    inner: S,
    engine: Arc<Engine>,
    on_error: OnError,
}

impl<S> SessionService<S> {
    pub(crate) const fn new(inner: S, engine: Arc<Engine>, on_error: OnError) -> Self {
        Self { inner, engine, on_error }
    }
}

impl<S, B> Service<ServiceRequest> for SessionService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = SessionFuture<S::Future, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let slot = SessionSlot::inside(Arc::clone(&self.engine), request.extensions().get());
        let stage = if let Some(call) = slot.device_call(request.request()) {
            Stage::Answering { call, request: Some(request.into_parts().0) }
        } else {
            request.extensions_mut().insert(slot.clone());
            Stage::Handling { future: Watched::new(Some(slot.clone()), self.inner.call(request)) }
        };
        SessionFuture { slot, on_error: Arc::clone(&self.on_error), stage }
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
        on_error: OnError,
        #[pin]
        stage: Stage<F, B>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<F, B> {
        Answering { call: DeviceCall, request: Option<HttpRequest> },
        Handling { #[pin] future: Watched<F> },
        Committing { #[pin] commit: CommitFuture, outcome: Option<Outcome<EitherBody<B>>> },
    }
}

impl<F, B> Future for SessionFuture<F, B>
where
    F: Future<Output = Outcome<B>>,
    B: MessageBody,
{
    type Output = Outcome<EitherBody<B>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                StageProj::Answering { call, request } => {
                    let answer = ready!(Pin::new(call).poll(cx));
                    let Some(request) = request.take() else {
                        // A completed future isn't polled again.
                        return Poll::Pending;
                    };
                    let response = ServiceResponse::new(request, device_response(&answer));
                    return Poll::Ready(Ok(response.map_into_right_body()));
                }
                StageProj::Handling { future } => {
                    let outcome = ready!(future.poll(cx)).map(ServiceResponse::map_into_left_body);
                    // A request has one map of extensions. Middleware outside this one finds its
                    // own session again.
                    if let (Ok(response), Some(outer)) = (&outcome, this.slot.outer()) {
                        response.request().extensions_mut().insert(outer.clone());
                    }
                    let commit = this.slot.finish(status(&outcome));
                    if commit.is_untouched() {
                        return Poll::Ready(outcome);
                    }
                    this.stage.set(Stage::Committing { commit, outcome: Some(outcome) });
                }
                StageProj::Committing { commit, outcome } => {
                    let committed = ready!(commit.poll(cx));
                    let Some(outcome) = outcome.take() else {
                        // A completed future isn't polled again.
                        return Poll::Pending;
                    };
                    return Poll::Ready(match committed {
                        Ok(effects) => carry(outcome, effects),
                        Err(failure) => replace(outcome, failure, Arc::clone(this.on_error)),
                    });
                }
            }
        }
    }
}

impl<F, B> fmt::Debug for SessionFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFuture").finish_non_exhaustive()
    }
}
