//! The mark of a thread that drops a future which has responded.
//!
//! It is separate from the session, which asks for it, and from `watched`, which sets it.

use std::cell::Cell;

thread_local! {
    static DROPPING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `drop`, which drops a future that has responded.
///
/// A session that the future still holds belonged to a handler that hasn't returned.
pub(crate) fn dropping(drop: impl FnOnce()) {
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
pub(crate) fn is_dropping() -> bool {
    // A session may be dropped by the destructor of another thread-local.
    DROPPING.try_with(Cell::get).unwrap_or(false)
}
