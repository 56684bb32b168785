//! The side of listeners.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::hub::{Hub, Place};
use super::listener::{Covers, Listener, Reach};

/// A store's feed of hints. Clones share the feed.
///
/// Obtained from [`Store::feed`](crate::store::Store::feed). It is cheap: a feed that needs a
/// connection makes it for the first subscriber.
#[derive(Clone)]
pub struct Feed(Arc<Hub>);

impl Feed {
    pub(super) const fn of(hub: Arc<Hub>) -> Self {
        Self(hub)
    }

    /// Registers a listener until the returned subscription is dropped.
    ///
    /// A change that is announced before this call returns may be missed, so ask the store
    /// afterwards. If the feed needs a connection, this begins to make it, and
    /// [`Listener::all_changed`] is called once hints arrive. Such a feed must be subscribed to
    /// within a tokio runtime.
    #[must_use = "the listener is removed when the subscription is dropped"]
    pub fn subscribe(&self, listener: Arc<dyn Listener>) -> Subscription {
        Subscription { place: self.0.add(listener), hub: Arc::clone(&self.0) }
    }

    /// Returns the changes that the feed announces.
    #[must_use]
    pub fn covers(&self) -> Covers {
        self.0.covers
    }

    /// Returns the processes whose changes the feed announces.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.0.reach
    }

    /// Returns `true` while hints arrive.
    ///
    /// `false` before the first connection and during an outage: a listener then asks the store
    /// periodically. [`Listener::all_changed`] is called after each change of this value.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.is_live()
    }

    /// Returns a time before which all acknowledged changes have been announced here.
    ///
    /// A write whose answer arrived at any process before this time has been passed to
    /// [`Listener::changed`], unless the feed doesn't [cover](Feed::covers) it. The time of a feed
    /// within one process is always the present. `None` means that nothing is proven: the
    /// connection is being made, or the store can't tell. After a reconnect, the proof begins
    /// again, and [`Listener::all_changed`] was called before.
    #[must_use]
    pub fn proven_at(&self) -> Option<Instant> {
        self.0.proven_at()
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A registered listener. Dropping the value removes it.
///
/// A hint that is being passed on may still arrive during the drop.
pub struct Subscription {
    hub: Arc<Hub>,
    place: Place,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.remove(self.place);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("feed", &self.hub).finish_non_exhaustive()
    }
}
