//! Counters and timings for the [`metrics`](https://docs.rs/metrics) facade.
//!
//! With the feature `metrics`, these values go to the recorder that the application has installed.
//! Without the feature, or without a recorder, each of these functions does nothing. The factories,
//! the CSRF layers and the sweeper call them. A custom factory may call them too, to appear on the
//! same dashboards.
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | `cloakroom_session_events_total` | counter | `event`: [`Event::as_str`]; `carrier`: `id` for sessions in a store, `record` for those in cookies |
//! | `cloakroom_session_bytes` | histogram, bytes | `carrier`: a record, or a cookie with its name |
//! | `cloakroom_store_call_seconds` | histogram, seconds | `operation`: `load`, `create`, …; `outcome`: `ok`, `timeout`, `corrupt`, `unsupported`, `error` |
//! | `cloakroom_cookies_rejected_total` | counter | `reason`: as in the trace event |
//! | `cloakroom_csrf_refused_total` | counter | `reason`: as in the trace event; `outcome`: `refused`, or `reported` in report-only mode |
//! | `cloakroom_swept_total` | counter | none: ended sessions that a sweeper removed |
//!
//! # Security
//! No label contains data of a request: visitors control neither the values nor the number of
//! labels.

use std::time::Duration;

use cloakroom_core::{Carrier, Plan, Refusal};

/// An event in the life of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A cookie opened a session.
    Opened,
    /// A session was created.
    Created,
    /// A changed session was written.
    Replaced,
    /// A session was used, but not changed.
    Touched,
    /// A session got a new id.
    Cycled,
    /// A session was ended.
    Ended,
    /// Changes were replayed on a newer version.
    Replayed,
    /// A key was set although another request had changed it since it was read. That request's
    /// value is lost.
    Overwritten,
    /// Changes were dropped, because the session had ended or moved in the meantime.
    Dropped,
}

impl Event {
    /// All events, in the order of their discriminants.
    pub const ALL: &[Self] = &[
        Self::Opened,
        Self::Created,
        Self::Replaced,
        Self::Touched,
        Self::Cycled,
        Self::Ended,
        Self::Replayed,
        Self::Overwritten,
        Self::Dropped,
    ];

    /// Returns the event's name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Created => "created",
            Self::Replaced => "replaced",
            Self::Touched => "touched",
            Self::Cycled => "cycled",
            Self::Ended => "ended",
            Self::Replayed => "replayed",
            Self::Overwritten => "overwritten",
            Self::Dropped => "dropped",
        }
    }

    /// Returns the events of a plan that was carried out.
    #[must_use]
    pub const fn of(plan: Plan) -> &'static [Self] {
        match plan {
            Plan::Create => &[Self::Created],
            Plan::Replace => &[Self::Replaced],
            Plan::Touch => &[Self::Touched],
            Plan::Cycle => &[Self::Cycled],
            Plan::End => &[Self::Ended],
            Plan::EndThenCreate => &[Self::Ended, Self::Created],
            Plan::Drop(_) => &[Self::Dropped],
            Plan::Nothing | _ => &[],
        }
    }
}

#[cfg(feature = "metrics")]
const fn name(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Id => "id",
        Carrier::Record | _ => "record",
    }
}

/// Counts an event.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn event(carrier: Carrier, event: Event) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_session_events_total", "event" => event.as_str(), "carrier" => name(carrier))
        .increment(1);
}

/// Records the size of a write in bytes.
///
/// The size is computed only if metrics are enabled.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn written(carrier: Carrier, bytes: impl FnOnce() -> usize) {
    #[cfg(feature = "metrics")]
    #[expect(clippy::cast_precision_loss, reason = "no record has 2^52 bytes")]
    metrics::histogram!("cloakroom_session_bytes", "carrier" => name(carrier)).record(bytes() as f64);
}

/// Records the duration of a store call.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn store_call(operation: &'static str, outcome: &'static str, took: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("cloakroom_store_call_seconds", "operation" => operation, "outcome" => outcome).record(took);
}

/// Records the start of store calls or, with a negative number, their end.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn store_calls(change: i32) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("cloakroom_store_calls_in_flight").increment(f64::from(change));
}

/// Records a change in the number of commits that wait for their turn.
///
/// It is negative when commits stop waiting.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn commits_waiting(change: i32) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("cloakroom_commits_waiting").increment(f64::from(change));
}

/// Records whether a store is down, so that its calls fail at once.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn store_down(is_down: bool) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("cloakroom_store_down").set(f64::from(u8::from(is_down)));
}

/// Records the number of commits that were written together.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn commit_group(commits: usize) {
    #[cfg(feature = "metrics")]
    #[expect(clippy::cast_precision_loss, reason = "no group has 2^52 commits")]
    metrics::histogram!("cloakroom_commit_group_size").record(commits as f64);
}

/// Counts store calls that were saved by sharing a call with another request.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn calls_saved(operation: &'static str, calls: u64) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_store_calls_saved_total", "operation" => operation).increment(calls);
}

/// Counts a session cookie that was rejected.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn rejected(reason: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_cookies_rejected_total", "reason" => reason).increment(1);
}

/// Counts a request that failed the CSRF check.
///
/// `reported` is `true` if it was let through in report-only mode.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn refused(refusal: Refusal, reported: bool) {
    #[cfg(feature = "metrics")]
    {
        let outcome = if reported { "reported" } else { "refused" };
        metrics::counter!("cloakroom_csrf_refused_total", "reason" => refusal.as_str(), "outcome" => outcome)
            .increment(1);
    }
}

/// Counts ended sessions that were removed from a store.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn swept(entries: usize) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_swept_total").increment(entries as u64);
}

/// Registers the units and descriptions of all metrics.
///
/// Call it once, after installing the recorder.
#[cfg(feature = "metrics")]
pub fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("cloakroom_store_calls_in_flight", "Store calls in progress.");
    describe_gauge!("cloakroom_commits_waiting", "Commits that wait for another commit of the same session.");
    describe_gauge!("cloakroom_store_down", "1 while the store is known to be down.");
    describe_histogram!("cloakroom_commit_group_size", "Commits that were written together.");
    describe_counter!("cloakroom_store_calls_saved_total", "Store calls saved by sharing one with another request.");
    describe_counter!("cloakroom_session_events_total", "Events in the life of sessions.");
    describe_histogram!("cloakroom_session_bytes", Unit::Bytes, "Sizes of the records and cookies that were written.");
    describe_histogram!("cloakroom_store_call_seconds", Unit::Seconds, "Durations of store calls.");
    describe_counter!("cloakroom_cookies_rejected_total", "Session cookies that were rejected.");
    describe_counter!("cloakroom_csrf_refused_total", "Requests that failed the CSRF check.");
    describe_counter!("cloakroom_swept_total", "Ended sessions that a sweeper removed.");
}
