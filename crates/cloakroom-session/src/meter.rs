//! What is counted and timed, for the [`metrics`](https://docs.rs/metrics) facade.
//!
//! With the feature `metrics` these numbers reach whichever recorder the application has installed;
//! without it, or without a recorder, each of these functions does nothing. The factories, the CSRF
//! layers and the sweeper call them. A factory of your own may too, and is then found on the same
//! dashboards.
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | `cloakroom_session_events_total` | counter | `event`: [`Event::as_str`]; `carrier`: `id` for sessions in a store, `record` for those in cookies |
//! | `cloakroom_session_bytes` | histogram, bytes | `carrier`: what was written, a record or a cookie with its name |
//! | `cloakroom_store_call_seconds` | histogram, seconds | `operation`: `load`, `create`, …; `outcome`: `ok`, `timeout`, `corrupt`, `unsupported`, `error` |
//! | `cloakroom_store_pool_connections` | gauge | `store`: `postgres`, `mysql`, `sqlite`; `state`: `in_use`, `idle` |
//! | `cloakroom_store_pool_waiting` | gauge | `store`: callers that wait for a connection |
//! | `cloakroom_store_pool_wait_seconds` | histogram, seconds | `store`; `outcome`: `ok`, or `none` where the caller got no connection |
//! | `cloakroom_cookies_rejected_total` | counter | `reason`: as in the trace event |
//! | `cloakroom_csrf_refused_total` | counter | `reason`: as in the trace event; `outcome`: `refused`, or `reported` where the rules only report |
//! | `cloakroom_swept_total` | counter | none: ended sessions that a sweeper removed |
//!
//! # Security
//! No label comes from a request: neither what they say nor how many there are is up to a visitor.

use std::time::Duration;

use cloakroom_core::{Carrier, Plan, Refusal};

/// Something that happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A cookie opened a session.
    Opened,
    /// A session was created.
    Created,
    /// What a session had become was written.
    Replaced,
    /// A session was used, and nothing more.
    Touched,
    /// A session got a new id.
    Cycled,
    /// A session was ended.
    Ended,
    /// Changes were done again on a newer version.
    Replayed,
    /// A key was set that another request had changed since it was read: that request's value is
    /// lost.
    Overwritten,
    /// Changes were dropped, because the session had ended or moved meanwhile.
    Dropped,
}

impl Event {
    /// All of them, in the order of their discriminants.
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

    /// What it is called in metrics.
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

    /// What has happened when this plan was carried out.
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

/// Notes how large what was written is, in bytes, which are counted only if somebody is told.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn written(carrier: Carrier, bytes: impl FnOnce() -> usize) {
    #[cfg(feature = "metrics")]
    #[expect(clippy::cast_precision_loss, reason = "no record has 2^52 bytes")]
    metrics::histogram!("cloakroom_session_bytes", "carrier" => name(carrier)).record(bytes() as f64);
}

/// Notes how long a call of a store took.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn store_call(operation: &'static str, outcome: &'static str, took: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("cloakroom_store_call_seconds", "operation" => operation, "outcome" => outcome).record(took);
}

/// Notes that calls of a store have begun, or, with a negative number, ended.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn store_calls(change: i32) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("cloakroom_store_calls_in_flight").increment(f64::from(change));
}

/// Notes that commits have begun to wait for their turn, or, with a negative number, ended.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn commits_waiting(change: i32) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("cloakroom_commits_waiting").increment(f64::from(change));
}

/// Notes that a store is down, so that its calls fail at once, or answers again.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn store_down(is_down: bool) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("cloakroom_store_down").set(f64::from(u8::from(is_down)));
}

/// Notes how many commits were written as one.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn commit_group(commits: usize) {
    #[cfg(feature = "metrics")]
    #[expect(clippy::cast_precision_loss, reason = "no group has 2^52 commits")]
    metrics::histogram!("cloakroom_commit_group_size").record(commits as f64);
}

/// Counts calls of a store that weren't made, because one for another request served as well.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn calls_saved(operation: &'static str, calls: u64) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_store_calls_saved_total", "operation" => operation).increment(calls);
}

/// A pool of connections of one store, or a queue in front of its threads.
///
/// Pools of one kind of store add up in the numbers of a process.
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
    /// The connections in use and the idle ones, as the recorder was told last.
    #[cfg(feature = "metrics")]
    told: std::sync::Mutex<(usize, usize)>,
}

impl Pool {
    /// Creates a meter for a pool of this kind of store, such as `postgres`.
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
    #[must_use]
    pub const fn new(store: &'static str) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            store,
            #[cfg(feature = "metrics")]
            told: std::sync::Mutex::new((0, 0)),
        }
    }

    /// Notes that a caller has begun to wait for a connection, until the value is dropped.
    #[must_use]
    #[cfg_attr(
        feature = "metrics",
        expect(clippy::disallowed_methods, reason = "a wait is measured, and decides nothing")
    )]
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

    /// Notes how many connections are in use and how many are idle. They are counted only with the
    /// feature `metrics`.
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
    pub fn holds(&self, counts: impl FnOnce() -> (usize, usize)) {
        #[cfg(feature = "metrics")]
        {
            let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (in_use, idle) = counts();
            for (state, now, before) in [("in_use", in_use, told.0), ("idle", idle, told.1)] {
                if now != before {
                    let gauge =
                        metrics::gauge!("cloakroom_store_pool_connections", "store" => self.store, "state" => state);
                    #[expect(clippy::cast_precision_loss, reason = "no pool has 2^52 connections")]
                    gauge.increment(now as f64 - before as f64);
                }
            }
            *told = (in_use, idle);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.holds(|| (0, 0));
    }
}

/// A caller that waits for a connection.
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
    /// Notes that the caller has got a connection.
    #[cfg_attr(not(feature = "metrics"), expect(unused_mut, reason = "there is nobody to tell"))]
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

/// Counts a session cookie that didn't open.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is nobody to tell"))]
pub fn rejected(reason: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("cloakroom_cookies_rejected_total", "reason" => reason).increment(1);
}

/// Counts a request that didn't pass the CSRF check; `reported` if it was let through all the same.
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

/// Tells the recorder the units and meanings of all metrics. Call it once, after the recorder was
/// installed.
#[cfg(feature = "metrics")]
pub fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("cloakroom_store_calls_in_flight", "Calls of the store that are under way.");
    describe_gauge!("cloakroom_commits_waiting", "Commits that wait for another one of their session.");
    describe_gauge!("cloakroom_store_down", "1 while the store is known to be down.");
    describe_histogram!("cloakroom_commit_group_size", "Commits that were written as one.");
    describe_counter!("cloakroom_store_calls_saved_total", "Calls that one for another request served as well.");
    describe_gauge!("cloakroom_store_pool_connections", "Connections of the store, in use and idle.");
    describe_gauge!("cloakroom_store_pool_waiting", "Callers that wait for a connection of the store.");
    describe_histogram!(
        "cloakroom_store_pool_wait_seconds",
        Unit::Seconds,
        "How long callers waited for a connection of the store."
    );
    describe_counter!("cloakroom_session_events_total", "What happened to sessions.");
    describe_histogram!("cloakroom_session_bytes", Unit::Bytes, "Sizes of the records and cookies that were written.");
    describe_histogram!("cloakroom_store_call_seconds", Unit::Seconds, "How long calls of the store took.");
    describe_counter!("cloakroom_cookies_rejected_total", "Session cookies that didn't open.");
    describe_counter!("cloakroom_csrf_refused_total", "Requests that didn't pass the CSRF check.");
    describe_counter!("cloakroom_swept_total", "Ended sessions that a sweeper removed.");
}
