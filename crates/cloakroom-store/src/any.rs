//! A store whose type is chosen at run time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use crate::checkup::Checkup;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::feed::Feed;
use crate::pages::{Ended, EndedPage, OwnedPage};
use crate::scan::{Cursor, Page};
use crate::store::delegate_store;
use crate::store::{Created, Loaded, Replaced, Store};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Any store, without a type parameter.
///
/// For applications that select their store in a configuration file.
///
/// A call costs one small allocation more than a direct call of the store. Clones share the store.
///
/// # Examples
/// ```
/// use cloakroom_store::{AnyStore, MemoryStore, StoredSessions};
///
/// let store = AnyStore::new(MemoryStore::new());
/// let sessions = StoredSessions::new(store).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AnyStore(Arc<dyn DynStore>);

impl AnyStore {
    /// Wraps a store.
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Defines the trait for trait objects, with the methods of [`Store`] and a boxed future.
macro_rules! dyn_store {
    ($($method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {
        trait DynStore: fmt::Debug + Send + Sync {
            $(fn $method<'a>(&'a self, $($argument: $type),*) -> Answer<'a, $answer>;)+
            fn can_cycle(&self, old: &StoreKey, new: &StoreKey) -> bool;
            fn feed(&self) -> Option<Feed>;
        }

        impl<S: Store> DynStore for S {
            $(fn $method<'a>(&'a self, $($argument: $type),*) -> Answer<'a, $answer> {
                Box::pin(Store::$method(self, $($argument),*))
            })+

            fn can_cycle(&self, old: &StoreKey, new: &StoreKey) -> bool {
                Store::can_cycle(self, old, new)
            }

            fn feed(&self) -> Option<Feed> {
                Store::feed(self)
            }
        }
    };
}

dyn_store! {
    load(key: &'a StoreKey, now: Timestamp) -> Loaded;
    load_latest(key: &'a StoreKey, now: Timestamp) -> Loaded;
    create(key: &'a StoreKey, entry: &'a Entry, now: Timestamp) -> Created;
    replace(key: &'a StoreKey, seen: Version, entry: &'a Entry, now: Timestamp) -> Replaced;
    touch(key: &'a StoreKey, touched: Timestamp, deadline: Option<Timestamp>, now: Timestamp) -> bool;
    cycle(
        old: &'a StoreKey,
        seen: Version,
        new: &'a StoreKey,
        entry: &'a Entry,
        moved_until: Timestamp,
        now: Timestamp
    ) -> Replaced;
    end(key: &'a StoreKey, now: Timestamp) -> bool;
    sweep(now: Timestamp, limit: usize) -> usize;
    owned(owner: &'a str, after: Option<&'a Cursor>, limit: usize, now: Timestamp) -> OwnedPage;
    count_owned(owner: &'a str, at_most: usize, now: Timestamp) -> usize;
    end_owned(owner: &'a str, keep: Option<&'a StoreKey>, limit: usize, now: Timestamp) -> Ended;
    end_before(point: Timestamp, after: Option<&'a Cursor>, now: Timestamp) -> EndedPage;
    scan(after: Option<&'a Cursor>, limit: usize, now: Timestamp) -> Page;
    checkup() -> Checkup;
}

impl Store for AnyStore {
    delegate_store!(0);
}
