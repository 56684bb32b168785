//! One store call, with a timeout, a trace span and a latency metric.
//!
//! These futures are written by hand instead of as `async fn`, which stores its arguments twice,
//! before and after the first poll. Nested, they would make each commit a future of several
//! kilobytes that is copied with every request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cloakroom_session::factory::StoreKey;
use cloakroom_session::meter;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tracing::{Span, field};

use crate::error::StoreError;
use crate::health::InFlight;

/// The operation of a store call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Load,
    Create,
    Replace,
    Touch,
    Cycle,
    End,
    Sweep,
    Owned,
    EndOwned,
    EndBefore,
    EndAlias,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Touch => "touch",
            Self::Cycle => "cycle",
            Self::End => "end",
            Self::Sweep => "sweep",
            Self::Owned => "owned",
            Self::EndOwned => "end_owned",
            Self::EndBefore => "end_before",
            Self::EndAlias => "end_alias",
        }
    }
}

/// Calls a store with a timeout. Traces show the prefix of the key.
pub(crate) fn call<T, F>(patience: Duration, operation: Operation, key: Option<&StoreKey>, call: F) -> Call<'static, F>
where
    F: Future<Output = Result<T, StoreError>>,
{
    watched(None, patience, operation, key, call)
}

/// Calls a store and records the result in `watch`. Fails at once if the store is known to be down.
pub(crate) fn watched<'a, T, F>(
    watch: Option<InFlight<'a>>,
    patience: Duration,
    operation: Operation,
    key: Option<&StoreKey>,
    call: F,
) -> Call<'a, F>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let name = operation.as_str();
    let span =
        tracing::debug_span!("session_store", operation = name, key = key.map(field::debug), outcome = field::Empty);
    let began = cfg!(feature = "metrics").then(Instant::now);
    Call { work: within(patience, call), name, span, began, watch }
}

pin_project! {
    /// A store call in progress.
    pub(crate) struct Call<'a, F> {
        #[pin]
        work: Within<F>,
        name: &'static str,
        span: Span,
        began: Option<Instant>,
        watch: Option<InFlight<'a>>,
    }
}

impl<T, F: Future<Output = Result<T, StoreError>>> Future for Call<'_, F> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _inside = this.span.enter();
        let answer = if this.watch.as_ref().is_some_and(|watch| watch.is_refused) {
            Err(StoreError::refused())
        } else {
            ready!(this.work.poll(cx)).unwrap_or_else(|| Err(StoreError::timed_out()))
        };
        if let Some(watch) = this.watch.take() {
            watch.ended(answer.as_ref().err());
        }
        let outcome = answer.as_ref().map_or_else(StoreError::kind, |_| "ok");
        this.span.record("outcome", outcome);
        if let Some(began) = this.began {
            meter::store_call(this.name, outcome, began.elapsed());
        }
        Poll::Ready(answer)
    }
}

/// Runs `work`; resolves to `None` if it takes longer than `patience`.
pub(crate) const fn within<F: Future>(patience: Duration, work: F) -> Within<F> {
    Within { work, patience, alarm: None }
}

pin_project! {
    /// A future with a timeout.
    pub(crate) struct Within<F> {
        #[pin]
        work: F,
        patience: Duration,
        // A future that is ready at once, as with the memory store, needs no timer.
        alarm: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(answer) = this.work.poll(cx) {
            return Poll::Ready(Some(answer));
        }
        let patience = *this.patience;
        this.alarm.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx).map(|()| None)
    }
}
