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
//! | `listener` | the receiver of hints, and what it may expect |
//! | `subscription` | the side of listeners: [`Feed`] and [`Subscription`] |
//! | `announcer` | the side of stores: [`Announcer`] and [`Connection`] |
//! | `merged` | one feed of several stores |
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
mod listener;
mod merged;
mod subscription;

pub use announcer::{Announcer, Connection};
pub use listener::{Covers, Listener, Reach};
pub use subscription::{Feed, Subscription};
