//! The receiver of hints, and what it may expect.

use cloakroom_session::factory::StoreKey;

/// The changes that a feed announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Covers {
    /// A session ended or moved to another key. Expiry may be left out, because a listener knows
    /// the deadline.
    Endings,
    /// Any write: in addition to endings, new values, touches and new sessions. A session that
    /// expires may be left out.
    Changes,
}

/// The processes whose changes a feed announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reach {
    /// Changes that this process makes through this store. Other processes may change sessions
    /// without a hint.
    ThisProcess,
    /// Changes of all processes that use the store.
    AllProcesses,
}

/// The receiver of hints.
///
/// Both methods are called on any thread, possibly while the store holds a lock. They **must**
/// return at once, and **must not** call the store, subscribe or unsubscribe: wake a task instead.
pub trait Listener: Send + Sync + 'static {
    /// The session under this key may have changed or ended, or nothing may have happened.
    fn changed(&self, key: &StoreKey);

    /// Any session may have changed or ended.
    ///
    /// Called when a connection begins, when it is lost, and when hints may have been lost.
    fn all_changed(&self);
}
