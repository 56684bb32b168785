//! Connections that may be silent.
//!
//! A wire can go silent without a sign: what is sent is swallowed, and nothing comes back. A
//! statement without an answer is evidence against its own connection, and against the others that
//! were made at that time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a connection that a caller has left may take to answer before its statement is
/// cancelled.
pub(crate) const GRACE: Duration = Duration::from_millis(100);

/// How long an idle connection may take to answer when connections are suspected of being silent. A
/// server that takes longer for nothing at all would not do anything else within a call's 2 seconds
/// either.
pub(crate) const TEST: Duration = Duration::from_millis(500);

/// A statement that was out for this time when its caller left is evidence against all connections.
pub(crate) const SUSPICIOUS: Duration = Duration::from_millis(500);

/// How many connections must be tested before they are lent.
#[derive(Debug, Default)]
pub(crate) struct Suspects(AtomicUsize);

impl Suspects {
    /// Suspects as many connections as there are.
    pub(crate) fn are(&self, count: usize) {
        self.0.store(count, Ordering::Relaxed);
    }

    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// One of them has answered.
    pub(crate) fn cleared_one(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }
}
