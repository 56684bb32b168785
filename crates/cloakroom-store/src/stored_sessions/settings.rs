//! Settings of stored sessions that have a separate type.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The default limit of sessions per owner: more than the devices of one person, and few enough to
/// list on one page.
const DEFAULT: usize = 100;

/// Timeouts of store calls and commits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one store call.
    pub(crate) call: Duration,
    /// For a commit with conflicts, including all retries.
    pub(crate) commit: Duration,
}

/// The policy for a sign-in of an owner who has reached the session limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// Refuse the new session, with an error whose
    /// [`is_too_many_sessions`](cloakroom_session::Error::is_too_many_sessions) is true.
    RefuseNew,
    /// End the owner's oldest sessions.
    EndOldest,
}

/// The limit of sessions per owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnerLimit {
    pub(crate) sessions: usize,
    pub(crate) at_limit: AtLimit,
    /// `true` if the application configured it. The default limit is ignored by a store without an
    /// owner index.
    pub(crate) is_asked_for: bool,
}

impl OwnerLimit {
    pub(crate) const fn default_of_all() -> Self {
        Self { sessions: DEFAULT, at_limit: AtLimit::EndOldest, is_asked_for: false }
    }
}

/// `true` once the store has shown that it has an owner index.
#[derive(Debug, Default)]
pub(crate) struct HasIndex(pub(crate) AtomicBool);
