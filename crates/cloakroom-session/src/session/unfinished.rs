//! Handlers that were dropped before they returned: nothing of their requests is committed.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use super::Session;

thread_local! {
    /// A future that has responded is being dropped on this thread, with whatever it still holds.
    static DROPPING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `drop`, which drops a future that has responded. A session that it still holds belonged to a
/// handler that hasn't returned.
pub(crate) fn dropping_unfinished(drop: impl FnOnce()) {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            DROPPING.set(self.0);
        }
    }
    let _restore = Restore(DROPPING.replace(true));
    drop();
}

/// Returns `true` while this thread drops a future that has responded.
pub(super) fn is_dropping() -> bool {
    // A session may be dropped by the destructor of another thread-local.
    DROPPING.try_with(Cell::get).unwrap_or(false)
}

impl Session {
    /// Marks the session of a handler that was dropped. Nothing of the request is committed.
    pub(crate) fn unfinished(&self) {
        self.0.unfinished.store(true, Ordering::SeqCst);
    }
}
