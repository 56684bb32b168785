//! The feed of a store: hints that sessions have changed.
//!
//! A store that learns of changes announces them. [`Session::ended`] and caches listen, so that
//! they need not ask the store periodically.
//!
//! A hint is never a fact. It may be false, late, repeated or out of order, and it says nothing
//! about the session. A listener asks the store what has become of it. A hint may be lost only if
//! the feed announces that [everything may have changed](Listener::all_changed) afterwards.
//!
//! | file | contents |
//! |---|---|
//! | this file | the side of listeners: [`Feed`], [`Listener`] and [`Subscription`] |
//! | `announcer` | the side of stores: [`Announcer`] and [`Connection`] |
//! | `hub` | the listeners and the state that both sides share |
//!
//! [`Session::ended`]: cloakroom_session::Session::ended
//!
//! # Examples
//! A listener that counts hints:
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use cloakroom_store::MemoryStore;
//! use cloakroom_store::store::feed::{Covers, Listener};
//! use cloakroom_store::store::{Store, StoreKey};
//! # use cloakroom_session::Timestamp;
//! # use cloakroom_session::factory::Record;
//! # use cloakroom_store::store::Entry;
//!
//! #[derive(Default)]
//! struct Counter(AtomicUsize);
//!
//! impl Listener for Counter {
//!     fn changed(&self, _: &StoreKey) {
//!         self.0.fetch_add(1, Ordering::Relaxed);
//!     }
//!
//!     fn all_changed(&self) {}
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, counter) = (MemoryStore::new(), Arc::new(Counter::default()));
//! let feed = store.feed().ok_or("the memory store has a feed")?;
//! assert_eq!(feed.covers(), Covers::Changes);
//! let subscription = feed.subscribe(counter.clone());
//! # let now = Timestamp::from_unix_secs(1_700_000_000);
//! # let (key, record) = (StoreKey::from_bytes([7; 32]), Record::new(now, &Default::default()));
//! # store.create(&key, &Entry::of(record), now).await?;
//! store.end(&key, now).await?;
//! assert!(counter.0.load(Ordering::Relaxed) > 0);
//! drop(subscription);
//! # Ok(())
//! # }
//! ```

mod announcer;
mod hub;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use cloakroom_session::factory::StoreKey;

pub use announcer::{Announcer, Connection};
use hub::{Hub, Place};

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

/// A store's feed of hints. Clones share the feed.
///
/// Obtained from [`Store::feed`](crate::store::Store::feed). It is cheap: a feed that needs a
/// connection makes it for the first subscriber.
#[derive(Clone)]
pub struct Feed(Arc<Hub>);

impl Feed {
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
