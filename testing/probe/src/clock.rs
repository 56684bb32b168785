//! Per-request overrides: the time, and a store call that fails.

use std::future::Future;
use std::time::Duration;

use cloakroom::adapter::RequestHead;
use cloakroom::store::StoreError;
use cloakroom::{Clock, SystemClock, Timestamp};

tokio::task_local! {
    static BROUGHT: Brought;
}

/// The overrides of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brought {
    /// `X-Probe-Now`.
    now: Option<Timestamp>,
    /// `X-Probe-Fail`: the name of the store method that fails in this request.
    fails: Option<String>,
}

/// The time of the current request: its `X-Probe-Now`, or else the system clock.
#[derive(Debug)]
pub(crate) struct RequestClock;

impl Clock for RequestClock {
    fn now(&self) -> Timestamp {
        BROUGHT.try_with(|brought| brought.now).ok().flatten().unwrap_or_else(|| SystemClock.now())
    }
}

/// Fails like an unreachable store if the request's `X-Probe-Fail` names `method`.
pub(crate) fn reach(method: &str) -> Result<(), StoreError> {
    match BROUGHT.try_with(|brought| brought.fails.as_deref() == Some(method)) {
        Ok(true) => Err(StoreError::unavailable("the request asked for it")),
        Ok(false) | Err(_) => Ok(()),
    }
}

/// Reads `X-Probe-Now` (Unix seconds, with an optional fraction) and `X-Probe-Fail`.
///
/// # Errors
/// Returns the text of the response if the time is invalid.
pub(crate) fn read(head: &impl RequestHead) -> Result<Brought, &'static str> {
    let text = |name| head.lines(name).next().map(|value| String::from_utf8_lossy(value).into_owned());
    let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    let fails = text("x-probe-fail");
    let Some(now) = text("x-probe-now") else { return Ok(Brought { now: None, fails }) };
    match seconds(&now) {
        Some(since) => Ok(Brought { now: Some(Timestamp::from_unix_secs(0) + since), fails }),
        None => Err("X-Probe-Now isn't a number of seconds\n"),
    }
}

/// Handles a request with its overrides in effect.
pub(crate) async fn at<T>(brought: Brought, request: impl Future<Output = T>) -> T {
    BROUGHT.scope(brought, request).await
}
