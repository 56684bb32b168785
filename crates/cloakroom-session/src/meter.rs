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
//! | `cloakroom_near_cache_loads_total` | counter | `outcome`: `hit`, `miss` (no copy), `unproven` (no recent proof) |
//! | `cloakroom_near_cache_copy_age_seconds` | histogram, seconds | none: the age of the copies that were hit |
//! | `cloakroom_near_cache_proof_age_seconds` | histogram, seconds | none: the age of the proof at a hit |
//! | `cloakroom_near_cache_resets_total` | counter | none: all copies were dropped |
//! | `cloakroom_store_pool_connections` | gauge | `store`: `postgres`, `mysql`, `sqlite`; `state`: `in_use`, `idle` |
//! | `cloakroom_store_pool_waiting` | gauge | `store`: callers that wait for a connection |
//! | `cloakroom_store_pool_wait_seconds` | histogram, seconds | `store`; `outcome`: `ok`, or `none` where the caller got no connection |
//! | `cloakroom_cookies_rejected_total` | counter | `reason`: as in the trace event |
//! | `cloakroom_csrf_refused_total` | counter | `reason`: as in the trace event; `outcome`: `refused`, or `reported` in report-only mode |
//! | `cloakroom_swept_total` | counter | none: ended sessions that a sweeper removed |
//!
//! # Security
//! No label contains data of a request: visitors control neither the values nor the number of
//! labels.

use std::time::Duration;

use cloakroom_core::{CookiePayload, Plan, Refusal};

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
const fn name(carrier: CookiePayload) -> &'static str {
    match carrier {
        CookiePayload::Id => "id",
        CookiePayload::Record | _ => "record",
    }
}

/// Counts an event.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn event(carrier: CookiePayload, event: Event) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_session_events_total", "event" => event.as_str(), "carrier" => name(carrier))
        .increment(1);
}

/// Records the size of a write in bytes.
///
/// The size is computed only if metrics are enabled.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn written(carrier: CookiePayload, bytes: impl FnOnce() -> usize) {
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

/// Counts a load through a near cache: a `hit`, a `miss`, or one that was `unproven`.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing records the value"))]
pub fn cache_load(outcome: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_near_cache_loads_total", "outcome" => outcome).increment(1);
}

/// Records a hit of a near cache: the age of the copy, and that of the proof that it is recent.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing records the value"))]
pub fn cache_hit(copy: Duration, proof: Duration) {
    #[cfg(feature = "metrics")]
    {
        metrics::histogram!("cloakroom_near_cache_copy_age_seconds").record(copy);
        metrics::histogram!("cloakroom_near_cache_proof_age_seconds").record(proof);
    }
}

/// Counts that a near cache dropped all copies, because hints may have been lost.
pub fn cache_reset() {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_near_cache_resets_total").increment(1);
}

/// Metrics of a store's connection pool, or of the queue in front of its threads.
///
/// The numbers of all pools of one kind of store in a process add up.
///
/// # Examples
/// ```
/// use cloakroom_session::meter::Pool;
/// use std::sync::Arc;
///
/// let pool = Arc::new(Pool::new("postgres"));
/// let wait = pool.wait();
/// // … get a connection, then:
/// wait.done();
/// pool.holds(|| (1, 3));
/// ```
#[derive(Debug)]
pub struct Pool {
    #[cfg(feature = "metrics")]
    store: &'static str,
    /// The numbers of used and idle connections that were recorded last.
    #[cfg(feature = "metrics")]
    recorded: std::sync::Mutex<(usize, usize)>,
}

impl Pool {
    /// Creates a meter for a pool of this kind of store, such as `postgres`.
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing records the value"))]
    #[must_use]
    pub const fn new(store: &'static str) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            store,
            #[cfg(feature = "metrics")]
            recorded: std::sync::Mutex::new((0, 0)),
        }
    }

    /// Records that a caller waits for a connection, until the returned value is dropped.
    #[must_use]
    #[cfg_attr(feature = "metrics", expect(clippy::disallowed_methods, reason = "the measured wait decides nothing"))]
    pub fn wait(self: &std::sync::Arc<Self>) -> PoolWait {
        #[cfg(feature = "metrics")]
        metrics::gauge!("cloakroom_store_pool_waiting", "store" => self.store).increment(1.0);
        PoolWait {
            #[cfg(feature = "metrics")]
            pool: std::sync::Arc::clone(self),
            #[cfg(feature = "metrics")]
            began: std::time::Instant::now(),
            #[cfg(feature = "metrics")]
            outcome: "none",
        }
    }

    /// Records the numbers of used and idle connections. `counts` is called only with the feature
    /// `metrics`.
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing records the value"))]
    pub fn holds(&self, counts: impl FnOnce() -> (usize, usize)) {
        #[cfg(feature = "metrics")]
        {
            let mut recorded = self.recorded.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (in_use, idle) = counts();
            for (state, now, before) in [("in_use", in_use, recorded.0), ("idle", idle, recorded.1)] {
                if now != before {
                    let gauge =
                        metrics::gauge!("cloakroom_store_pool_connections", "store" => self.store, "state" => state);
                    #[expect(clippy::cast_precision_loss, reason = "no pool has 2^52 connections")]
                    gauge.increment(now as f64 - before as f64);
                }
            }
            *recorded = (in_use, idle);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.holds(|| (0, 0));
    }
}

/// The wait of a caller for a connection.
#[derive(Debug)]
pub struct PoolWait {
    #[cfg(feature = "metrics")]
    pool: std::sync::Arc<Pool>,
    #[cfg(feature = "metrics")]
    began: std::time::Instant,
    #[cfg(feature = "metrics")]
    outcome: &'static str,
}

impl PoolWait {
    /// Records that the caller received a connection.
    #[cfg_attr(not(feature = "metrics"), expect(unused_mut, reason = "nothing records the value"))]
    pub fn done(mut self) {
        #[cfg(feature = "metrics")]
        {
            self.outcome = "ok";
        }
        drop(self);
    }
}

impl Drop for PoolWait {
    fn drop(&mut self) {
        #[cfg(feature = "metrics")]
        {
            let store = self.pool.store;
            metrics::gauge!("cloakroom_store_pool_waiting", "store" => store).decrement(1.0);
            metrics::histogram!("cloakroom_store_pool_wait_seconds", "store" => store, "outcome" => self.outcome)
                .record(self.began.elapsed());
        }
    }
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

/// Counts an event of device bindings, with its reason if there is one.
#[cfg(feature = "dbsc")]
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn device_binding(event: &'static str, reason: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_device_binding_total", "event" => event, "reason" => reason).increment(1);
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
    describe_counter!("cloakroom_near_cache_loads_total", "Loads of sessions through a near cache.");
    describe_counter!("cloakroom_near_cache_resets_total", "Times that a near cache dropped all copies.");
    describe_histogram!(
        "cloakroom_near_cache_copy_age_seconds",
        Unit::Seconds,
        "Time since the copy of a hit was loaded."
    );
    describe_histogram!(
        "cloakroom_near_cache_proof_age_seconds",
        Unit::Seconds,
        "Age of the proof that the copy of a hit is recent."
    );
    describe_gauge!("cloakroom_store_pool_connections", "Connections of the store's pool, in use and idle.");
    describe_gauge!("cloakroom_store_pool_waiting", "Callers that wait for a connection of the store.");
    describe_histogram!(
        "cloakroom_store_pool_wait_seconds",
        Unit::Seconds,
        "Time that callers waited for a connection of the store."
    );
    describe_counter!("cloakroom_session_events_total", "Events in the life of sessions.");
    describe_histogram!("cloakroom_session_bytes", Unit::Bytes, "Sizes of the records and cookies that were written.");
    describe_histogram!("cloakroom_store_call_seconds", Unit::Seconds, "Durations of store calls.");
    describe_counter!("cloakroom_cookies_rejected_total", "Session cookies that were rejected.");
    describe_counter!("cloakroom_csrf_refused_total", "Requests that failed the CSRF check.");
    #[cfg(feature = "dbsc")]
    describe_counter!("cloakroom_device_binding_total", "Events of sessions that are bound to a device.");
    describe_counter!("cloakroom_swept_total", "Ended sessions that a sweeper removed.");
}
