//! The CSRF service: the check of one request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage as _, HttpResponse};
use cloakroom_session::CsrfGuard;
use cloakroom_session::adapter::{CsrfDecision, CsrfSlot, SessionSlot, Watched};
use pin_project_lite::pin_project;

use super::answers::Answers;
use super::replay::Replay;
use crate::outcome::{Outcome, carry};

/// The service created by [`CsrfMiddleware`](crate::CsrfMiddleware).
pub struct CsrfService<S> {
    inner: Rc<S>,
    guard: Arc<CsrfGuard>,
    answers: Answers,
}

impl<S> CsrfService<S> {
    pub(crate) fn new(inner: S, guard: Arc<CsrfGuard>, answers: Answers) -> Self {
        Self { inner: Rc::new(inner), guard, answers }
    }
}

impl<S, B> Service<ServiceRequest> for CsrfService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = CsrfFuture<S::Future, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (slot, decision) = {
            let left = request.extensions();
            let slot = CsrfSlot::new(Arc::clone(&self.guard), left.get::<SessionSlot>().cloned());
            let decision = slot.check_head(request.request(), left.get::<CsrfSlot>());
            (slot, decision)
        };
        request.extensions_mut().insert(slot.clone());
        let route = match decision {
            CsrfDecision::Refused(refusal) => {
                let words = (self.answers.on_refusal)(refusal, request.request());
                Route::Refused { response: Some(answer(request, words)) }
            }
            CsrfDecision::TokenNeeded => {
                let check = check(Rc::clone(&self.inner), slot.clone(), self.answers.clone(), request);
                Route::Checking { check: Box::pin(check) }
            }
            CsrfDecision::Unchecked | CsrfDecision::Passed | CsrfDecision::Reported(_) => {
                Route::Passed { future: slot.watch(self.inner.call(request)) }
            }
        };
        CsrfFuture { slot, route }
    }
}

fn answer<B>(request: ServiceRequest, words: HttpResponse) -> ServiceResponse<EitherBody<B>> {
    request.into_response(words).map_into_right_body()
}

/// Compares the token, then calls the handler or refuses the request.
async fn check<S, B>(
    inner: Rc<S>,
    slot: CsrfSlot,
    answers: Answers,
    mut request: ServiceRequest,
) -> Outcome<EitherBody<B>>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    let mut body = Replay::new(request.take_payload());
    let decision = slot.check_token(request.request(), &mut body).await;
    request.set_payload(body.into_payload());
    let words = match decision.map(CsrfDecision::refusal) {
        Ok(None) => return Ok(slot.watch(inner.call(request)).await?.map_into_left_body()),
        Ok(Some(refusal)) => (answers.on_refusal)(refusal, request.request()),
        Err(error) => (answers.on_error)(&error),
    };
    Ok(answer(request, words))
}

impl<S: fmt::Debug> fmt::Debug for CsrfService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

type Check<B> = Pin<Box<dyn Future<Output = Outcome<EitherBody<B>>>>>;

pin_project! {
    /// The future of [`CsrfService`].
    pub struct CsrfFuture<F, B> {
        slot: CsrfSlot,
        #[pin]
        route: Route<F, B>,
    }
}

pin_project! {
    #[project = RouteProj]
    enum Route<F, B> {
        Passed { #[pin] future: Watched<F> },
        Checking { check: Check<B> },
        Refused { response: Option<ServiceResponse<EitherBody<B>>> },
    }
}

impl<F, B> Future for CsrfFuture<F, B>
where
    F: Future<Output = Outcome<B>>,
    B: MessageBody,
{
    type Output = Outcome<EitherBody<B>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = match this.route.project() {
            RouteProj::Passed { future } => ready!(future.poll(cx)).map(ServiceResponse::map_into_left_body),
            RouteProj::Checking { check } => ready!(check.as_mut().poll(cx)),
            RouteProj::Refused { response } => match response.take() {
                Some(response) => Ok(response),
                // A completed future isn't polled again.
                None => return Poll::Pending,
            },
        };
        Poll::Ready(carry(outcome, this.slot.effects()))
    }
}

impl<F, B> fmt::Debug for CsrfFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfFuture").field("slot", &self.slot).finish_non_exhaustive()
    }
}
