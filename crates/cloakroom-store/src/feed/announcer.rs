//! The side of stores: announcing changes.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use cloakroom_session::factory::StoreKey;

use super::hub::{Hub, Link, Proof, State};
use super::listener::{Covers, Listener, Reach};
use super::subscription::Feed;

/// The store's side of a [`Feed`]: passes hints to all listeners.
///
/// A store keeps one and returns [`Announcer::feed`] from
/// [`Store::feed`](crate::store::Store::feed). Without listeners, an announcement costs one atomic
/// load.
///
/// # Examples
/// The feed of a store whose changes all happen in this process:
/// ```
/// use cloakroom_store::store::feed::{Announcer, Covers, Reach};
///
/// let announcer = Announcer::in_process(Covers::Changes, Reach::AllProcesses);
/// assert!(announcer.feed().is_live());
/// assert!(announcer.feed().proven_at().is_some());
/// ```
#[derive(Clone)]
pub struct Announcer(Arc<Hub>);

impl Announcer {
    /// Creates the announcer of a store that announces the changes of this process as they happen.
    ///
    /// The store **must** announce each covered change after it took effect and before it is
    /// acknowledged. With [`Reach::ThisProcess`], the feed [proves](Feed::proven_at) nothing.
    #[must_use]
    pub fn in_process(covers: Covers, reach: Reach) -> Self {
        let state = State { proof: (reach == Reach::AllProcesses).then_some(Proof::Present), is_live: true };
        Self(Hub::new(covers, reach, state, None))
    }

    /// Creates the announcer of a store whose server sends hints on a connection.
    ///
    /// `connect` is called when the first listener subscribes, within its tokio runtime. It spawns
    /// a task that makes the connection and feeds the [`Connection`]. The task **must** keep the
    /// connection alive and make a new one after a failure, until
    /// [`Connection::is_needed`] returns `false`. It **must not** keep the store alive.
    #[must_use]
    pub fn connected(covers: Covers, connect: impl Fn(Connection) + Send + Sync + 'static) -> Self {
        Self::reaching(covers, Reach::AllProcesses, connect)
    }

    /// Creates such an announcer with another reach.
    pub(super) fn reaching(covers: Covers, reach: Reach, connect: impl Fn(Connection) + Send + Sync + 'static) -> Self {
        let state = State { proof: None, is_live: false };
        Self(Hub::new(covers, reach, state, Some(Box::new(move |link| connect(Connection(link))))))
    }

    /// Announces that the session under `key` may have changed.
    pub fn changed(&self, key: &StoreKey) {
        self.0.tell(|listener| listener.changed(key));
    }

    /// Announces that any session may have changed.
    pub fn all_changed(&self) {
        self.0.tell(Listener::all_changed);
    }

    /// Returns `true` if there are listeners, for stores whose announcements cost something.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.0.has_listeners()
    }

    /// Returns the side of listeners.
    #[must_use]
    pub fn feed(&self) -> Feed {
        Feed::of(Arc::clone(&self.0))
    }
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The task that connects a feed to its server.
///
/// If it is dropped, the feed is no longer live, and the next subscriber makes a new connection.
pub struct Connection(Link);

impl Connection {
    /// Announces that the session under `key` may have changed.
    pub fn changed(&self, key: &StoreKey) {
        self.0.with(|hub| hub.tell(|listener| listener.changed(key)));
    }

    /// Announces that hints may have been lost, so that any session may have changed.
    pub fn all_changed(&self) {
        self.0.with(|hub| hub.tell(Listener::all_changed));
    }

    /// Records that hints arrive from now on.
    ///
    /// Call it after the server has confirmed the subscription, and not before: the listeners ask
    /// the store now, and rely on hints for everything that happens later. Each call begins a new
    /// proof.
    pub fn established(&self) {
        self.0.with(|hub| hub.becomes(State { proof: None, is_live: true }));
    }

    /// Records that everything acknowledged before this time has been announced.
    ///
    /// Typically the time at which the last answered ping was sent on the connection. It has no
    /// effect on a connection that isn't [established](Self::established).
    pub fn proven(&self, at: Instant) {
        self.0.with(|hub| hub.proven(at));
    }

    /// Records that the connection was lost: hints may be missing until it is established again.
    pub fn lost(&self) {
        self.0.with(Hub::lost);
    }

    /// Returns `true` while there are listeners.
    ///
    /// Ask periodically. After `false`, the task **must** end: the next subscriber makes a new
    /// connection.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.0.is_needed()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
