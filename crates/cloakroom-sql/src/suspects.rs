//! Connections that may be silent.
//!
//! A network connection can go silent without an error: everything sent is lost, and nothing comes
//! back. A statement without an answer is evidence against its own connection, and against the
//! others that were opened around that time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The time an idle connection has to answer while connections are suspected of being silent. A
/// server that needs longer for an empty query would not finish anything else within a call's 2
/// seconds either.
pub(crate) const TEST: Duration = Duration::from_millis(500);

/// A statement that ran for this long before its caller stopped waiting is evidence against all
/// connections.
pub(crate) const SUSPICIOUS: Duration = Duration::from_millis(500);

/// The number of connections that must be tested before they are lent.
#[derive(Debug, Default)]
pub(crate) struct Suspects(AtomicUsize);

impl Suspects {
    /// Marks this number of connections as suspect.
    pub(crate) fn are(&self, count: usize) {
        self.0.store(count, Ordering::Relaxed);
    }

    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Records that one of them has answered.
    pub(crate) fn cleared_one(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }
}
