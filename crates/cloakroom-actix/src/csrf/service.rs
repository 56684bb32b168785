//! The CSRF middleware: a request's way through it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage as _, HttpResponse};
use cloakroom_session::{Admission, CsrfGuard, CsrfMode, CsrfSlot, SessionSlot, TokenCheck};
use pin_project_lite::pin_project;

use super::middleware::Answers;
use super::replay::search_payload;
use crate::outcome::{Outcome, carry};

/// The service that [`CsrfMiddleware`](crate::CsrfMiddleware) makes.
pub struct CsrfService<S> {
    inner: Rc<S>,
    guard: Arc<CsrfGuard>,
    mode: CsrfMode,
    answers: Answers,
}

impl<S> CsrfService<S> {
    pub(crate) fn new(inner: S, guard: Arc<CsrfGuard>, mode: CsrfMode, answers: Answers) -> Self {
        Self { inner: Rc::new(inner), guard, mode, answers }
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
        let slot = CsrfSlot::new(Arc::clone(&self.guard));
        let admission = {
            let left = request.extensions();
            slot.admit(self.mode, request.request(), left.get::<SessionSlot>(), left.get::<CsrfSlot>())
        };
        request.extensions_mut().insert(slot.clone());
        let route = match admission {
            Admission::Passed => Route::Passed { future: self.inner.call(request) },
            Admission::Refused(refusal) => {
                let words = (self.answers.on_refusal)(refusal, request.request());
                Route::Refused { response: Some(answer(request, words)) }
            }
            Admission::TokenNeeded => {
                let check = check(Rc::clone(&self.inner), slot.clone(), self.answers.clone(), request);
                Route::Checking { check: Box::pin(check) }
            }
        };
        CsrfFuture { slot, route }
    }
}

fn answer<B>(request: ServiceRequest, words: HttpResponse) -> ServiceResponse<EitherBody<B>> {
    request.into_response(words).map_into_right_body()
}

/// Stage two: finds the token, compares it, and calls the handler or refuses.
async fn check<S, B>(
    inner: Rc<S>,
    slot: CsrfSlot,
    answers: Answers,
    mut request: ServiceRequest,
) -> Outcome<EitherBody<B>>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    // Taken out, because extensions must not be borrowed while others wait.
    let session = request.extensions().get::<SessionSlot>().cloned();
    let verdict = match slot.check(request.request(), session.as_ref()).await {
        Ok(TokenCheck::Decided(verdict)) => verdict,
        Ok(TokenCheck::InForm(search)) => {
            let (found, payload) = search_payload(request.take_payload(), search).await;
            request.set_payload(payload);
            slot.settle(found, request.request(), session.as_ref())
        }
        Err(error) => return Ok(answer(request, (answers.on_error)(&error))),
    };
    if let Err(refusal) = verdict {
        let words = (answers.on_refusal)(refusal, request.request());
        return Ok(answer(request, words));
    }
    Ok(inner.call(request).await?.map_into_left_body())
}

impl<S: fmt::Debug> fmt::Debug for CsrfService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfService").field("inner", &self.inner).field("mode", &self.mode).finish_non_exhaustive()
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
        Passed { #[pin] future: F },
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
                // A future isn't polled again after it was ready.
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
