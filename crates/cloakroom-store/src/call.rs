//! One call of a store: its time is limited, it is a span in traces, and it is timed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use cloakroom_session::{StoreKey, meter};
use tokio::time::{Instant, Sleep, sleep};
use tracing::{Instrument as _, field};

use crate::error::StoreError;

/// What a store is asked for.
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
    EndBefore,
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
            Self::EndBefore => "end_before",
        }
    }
}

/// Makes a call, and gives it so much time. A key shows up in traces by its prefix.
pub(crate) async fn call<T>(
    patience: Duration,
    operation: Operation,
    key: Option<&StoreKey>,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let name = operation.as_str();
    let span =
        tracing::debug_span!("session_store", operation = name, key = key.map(field::debug), outcome = field::Empty);
    let began = cfg!(feature = "metrics").then(Instant::now);
    let answer = within(patience, call).instrument(span.clone()).await.unwrap_or(Err(StoreError::timed_out()));
    let outcome = answer.as_ref().map_or_else(StoreError::kind, |_| "ok");
    span.record("outcome", outcome);
    if let Some(began) = began {
        meter::store_call(name, outcome, began.elapsed());
    }
    answer
}

/// What `work` comes to, or `None` when it takes longer than `patience`.
pub(crate) async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    // What answers at once, as memory does, needs no timer.
    let mut alarm = pin!(None::<Sleep>);
    poll_fn(|cx| {
        if let Poll::Ready(answer) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        if alarm.is_none() {
            alarm.set(Some(sleep(patience)));
        }
        match alarm.as_mut().as_pin_mut() {
            Some(alarm) => alarm.poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}
