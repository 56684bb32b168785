//! The CSRF layer: a request's way through it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cloakroom_session::{
    CsrfGuard, CsrfRules, CsrfSlot, CsrfToken, FormKind, Refusal, RequestFacts, SessionSlot, Stage, Verdict, meter,
};
use http::request::Parts;
use http::{HeaderMap, Request, Response, header};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::layer::{Answers, Mode};
use super::replay::ReplayBody;
use crate::body::ResponseBody;
use crate::headers;

/// The service that [`CsrfLayer`](crate::CsrfLayer) makes.
#[derive(Clone)]
pub struct CsrfService<S> {
    inner: S,
    guard: Arc<CsrfGuard>,
    mode: Mode,
    answers: Answers,
}

impl<S> CsrfService<S> {
    pub(crate) const fn new(inner: S, guard: Arc<CsrfGuard>, mode: Mode, answers: Answers) -> Self {
        Self { inner, guard, mode, answers }
    }

    /// Stage one, for the request's headers.
    fn first_stage(&self, parts: &Parts) -> Stage {
        match self.mode {
            Mode::Enforce => self.guard.first_stage(&facts(parts)),
            Mode::Exempt => {
                if parts.extensions.get::<CsrfSlot>().is_some() {
                    tracing::warn!(
                        "a route is exempt from CSRF checks inside of a layer that enforces them: it is checked all the same"
                    );
                }
                Stage::Uncovered
            }
        }
    }
}

/// What the request says about where it comes from.
pub(crate) fn facts(parts: &Parts) -> RequestFacts<'_> {
    // A header that came twice, or isn't text, is a value that nothing equals.
    let one = |name: &str| {
        let mut values = parts.headers.get_all(name).iter();
        let first = values.next()?.to_str().unwrap_or_default();
        Some(if values.next().is_none() { first } else { "" })
    };
    RequestFacts {
        method: parts.method.as_str(),
        host: parts.uri.authority().map(|authority| authority.as_str()).or_else(|| one("host")),
        sec_fetch_site: one("sec-fetch-site"),
        origin: one("origin"),
        referer: one("referer"),
    }
}

/// The token in the header, if it is there. A wrong one isn't made good by the form.
pub(crate) fn token_in_header<'a>(headers: &'a HeaderMap, rules: &CsrfRules) -> Option<&'a str> {
    let value = headers.get(rules.header_name())?;
    Some(value.to_str().unwrap_or("not text")).filter(|value| !value.is_empty())
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
        let stage = self.first_stage(&parts);
        let slot = CsrfSlot::new(Arc::clone(&self.guard));
        parts.extensions.insert(slot.clone());

        let route = match stage {
            Stage::Refused(refusal) if !self.guard.rules().is_report_only() => {
                report(refusal, &parts, self.guard.rules());
                Route::Refused { response: Some((self.answers.on_refusal)(refusal, &parts)) }
            }
            Stage::TokenNeeded => {
                // The service that was made ready handles this request; a clone waits for the next one.
                let next = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, next);
                let answers = self.answers.clone();
                Route::Checking { check: Box::pin(check(inner, slot.clone(), answers, parts, body)) }
            }
            passed @ (Stage::Uncovered | Stage::Passed | Stage::Refused(_) | _) => {
                if let Stage::Refused(refusal) = passed {
                    report(refusal, &parts, self.guard.rules());
                    slot.set_verdict(Verdict::Reported(refusal));
                } else if passed == Stage::Passed {
                    slot.set_verdict(Verdict::Passed);
                }
                let request = Request::from_parts(parts, ReplayBody::untouched(body));
                Route::Passed { future: self.inner.call(request) }
            }
        };
        CsrfFuture { slot, route }
    }
}

/// Stage two: finds the token, compares it, and calls the handler or refuses.
async fn check<S, Q, B>(
    mut inner: S,
    slot: CsrfSlot,
    answers: Answers,
    parts: Parts,
    body: Q,
) -> Result<Response<ResponseBody<B>>, S::Error>
where
    S: Service<Request<ReplayBody<Q>>, Response = Response<B>>,
    Q: Body<Data = Bytes>,
{
    let session = parts.extensions.get::<SessionSlot>();
    let expected = match slot.guard().expected(session, headers::cookies(&parts.headers)).await {
        Ok(expected) => expected,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "CSRF check impossible");
            return Ok((answers.on_error)(&error).map(ResponseBody::words));
        }
    };
    let (verdict, body) = match expected {
        Some(token) => compare(&token, slot.guard().rules(), &parts.headers, body).await,
        // Nothing to compare with: the body needn't be read.
        None => (Err(Refusal::NothingToMatch), ReplayBody::untouched(body)),
    };
    match verdict {
        Ok(()) => slot.set_verdict(Verdict::Passed),
        Err(refusal) if slot.guard().rules().is_report_only() => {
            report(refusal, &parts, slot.guard().rules());
            slot.set_verdict(Verdict::Reported(refusal));
        }
        Err(refusal) => {
            report(refusal, &parts, slot.guard().rules());
            if let Some(session) = parts.extensions.get::<SessionSlot>() {
                session.discard();
            }
            return Ok((answers.on_refusal)(refusal, &parts).map(ResponseBody::words));
        }
    }
    let response = inner.call(Request::from_parts(parts, body)).await?;
    Ok(response.map(ResponseBody::inner))
}

async fn compare<Q: Body<Data = Bytes>>(
    expected: &CsrfToken,
    rules: &CsrfRules,
    headers: &HeaderMap,
    body: Q,
) -> (Result<(), Refusal>, ReplayBody<Q>) {
    if let Some(token) = token_in_header(headers, rules) {
        return (CsrfGuard::second_stage(expected, Some(token)), ReplayBody::untouched(body));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(kind) = content_type.and_then(FormKind::of) else {
        return (Err(Refusal::TokenMissing), ReplayBody::untouched(body));
    };
    let (found, body) = ReplayBody::search(body, &kind, rules.field_name(), rules.max_body()).await;
    let verdict = found.and_then(|token| CsrfGuard::second_stage(expected, token.as_deref()));
    (verdict, body)
}

fn report(refusal: Refusal, parts: &Parts, rules: &CsrfRules) {
    let reported = rules.is_report_only();
    let outcome = if reported { "would be refused" } else { "refused" };
    meter::refused(refusal, reported);
    tracing::warn!(reason = refusal.as_str(), method = %parts.method, "request {outcome} by the CSRF check: {refusal}");
}

impl<S: fmt::Debug> fmt::Debug for CsrfService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfService").field("inner", &self.inner).field("mode", &self.mode).finish_non_exhaustive()
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
        Passed { #[pin] future: F },
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
                // A future isn't polled again after it was ready.
                None => return Poll::Pending,
            },
        };
        headers::apply(this.slot.effects(), response.headers_mut());
        Poll::Ready(Ok(response))
    }
}

impl<F, B, E> fmt::Debug for CsrfFuture<F, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfFuture").field("slot", &self.slot).finish_non_exhaustive()
    }
}
