//! The time that each request brings along.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use cloakroom::{Clock, SystemClock, Timestamp};

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
pub(crate) async fn set(request: Request, next: Next) -> Response {
    let Some(value) = request.headers().get("x-probe-now") else {
        return next.run(request).await;
    };
    let seconds = value.to_str().ok().and_then(|text| text.parse::<f64>().ok());
    match seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok()) {
        Some(since) => NOW.scope(Timestamp::from_unix_secs(0) + since, next.run(request)).await,
        None => (StatusCode::BAD_REQUEST, "X-Probe-Now isn't a number of seconds\n").into_response(),
    }
}
