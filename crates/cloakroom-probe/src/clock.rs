//! The time that each request brings along.

use std::future::Future;
use std::time::Duration;

use cloakroom::adapter::RequestHead;
use cloakroom::{Clock, SystemClock, Timestamp};

use crate::pages::Reply;

tokio::task_local! {
    static NOW: Timestamp;
}

/// The time of the request that is being handled: its `X-Probe-Now`, or the system's.
#[derive(Debug)]
pub(crate) struct RequestClock;

impl Clock for RequestClock {
    fn now(&self) -> Timestamp {
        NOW.try_with(|now| *now).unwrap_or_else(|_| SystemClock.now())
    }
}

/// Reads `X-Probe-Now`: Unix seconds, which may have a fraction.
pub(crate) fn read(head: &impl RequestHead) -> Result<Option<Timestamp>, Reply> {
    let Some(value) = head.lines("x-probe-now").next() else { return Ok(None) };
    let seconds = std::str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(since) => Ok(Some(Timestamp::from_unix_secs(0) + since)),
        None => Err(Reply::words(400, "X-Probe-Now isn't a number of seconds\n")),
    }
}

/// Does this at that time, or now.
pub(crate) async fn at<T>(now: Option<Timestamp>, request: impl Future<Output = T>) -> T {
    match now {
        Some(now) => NOW.scope(now, request).await,
        None => request.await,
    }
}
