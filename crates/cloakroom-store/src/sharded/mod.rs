//! Sessions spread over several stores by their keys.
//!
//! | module | contents |
//! |---|---|
//! | `placement` | the shard of each key |
//! | `cursor` | the position of a walk through all shards |
//! | `owned` | the sessions of an owner in all shards, merged by age |
//! | `store` | the `Store` implementation |

mod cursor;
mod owned;
mod placement;
mod store;
#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicUsize;

use cloakroom_session::ConfigError;
use cloakroom_session::factory::StoreKey;

use crate::feed::Feed;
use crate::store::Store;
use placement::Placement;

/// The largest number of shards. A move derives as many ids on average as there are shards.
const MOST: usize = 256;

/// Sessions spread over several stores by their keys, for an application that outgrows one server.
///
/// The name of a shard and the key of a session decide which shard has the session (rendezvous
/// hashing), so all processes agree without asking. A request costs the same calls as with one
/// store. The sessions of an owner are on all shards: listing or ending them asks every shard.
///
/// If a shard is down, its sessions fail as with one store, and those of the other shards work. A
/// walk over all sessions or those of an owner fails until the shard is back.
///
/// # Moves
/// A session moves to a new id at sign-in, and stays on its shard: [`StoredSessions`] derives ids
/// until one has a key of the same shard. A move is therefore one atomic step of that store, and a
/// sign-out by an old id finds the session, as with one store. The names of the shards take up to
/// eight of the 256 bits from an id that a session moves to.
///
/// # Names and new shards
/// The names are part of the data: a changed name, or a shard more or less, changes the place of
/// sessions. Sessions that are elsewhere then look as if they had ended. To change the shards and
/// sign out no user, move the sessions with `Migration`: see the guide's page "Many shards".
///
/// [`StoredSessions`]: crate::StoredSessions
///
/// # Examples
/// ```
/// use cloakroom_store::{MemoryStore, ShardedStore, StoredSessions};
///
/// let shards = ["one", "two", "three"].map(|name| (name, MemoryStore::new()));
/// let sessions = StoredSessions::new(ShardedStore::new(shards)?).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
///
/// Stores of different kinds, with [`AnyStore`](crate::AnyStore):
/// ```
/// use cloakroom_store::{AnyStore, FileStore, MemoryStore, ShardedStore};
///
/// # fn main() -> Result<(), cloakroom_session::ConfigError> {
/// # let store = MemoryStore::new();
/// # let other = MemoryStore::new();
/// let store = ShardedStore::new([("old", AnyStore::new(store)), ("new", AnyStore::new(other))])?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ShardedStore<S> {
    shards: Vec<Shard<S>>,
    placement: Placement,
    feed: Option<Feed>,
    /// The shard that the next sweep begins with.
    swept: AtomicUsize,
}

#[derive(Debug)]
struct Shard<S> {
    name: String,
    store: S,
}

impl<S: Store> ShardedStore<S> {
    /// Creates the store from its shards and their names, in any order.
    ///
    /// # Errors
    /// If there is no shard or more than 256, if a name is empty, or if two are the same.
    pub fn new<N: Into<String>>(shards: impl IntoIterator<Item = (N, S)>) -> Result<Self, ConfigError> {
        let mut shards: Vec<_> = shards.into_iter().map(|(name, store)| Shard { name: name.into(), store }).collect();
        // Positions are in cursors, so they mustn't depend on the order in which shards were given.
        shards.sort_by(|one, other| one.name.cmp(&other.name));
        if shards.is_empty() || shards.len() > MOST {
            let given = shards.len();
            return Err(ConfigError::new("shards", format!("a store has 1 to {MOST} shards; {given} were given")));
        }
        if shards.iter().any(|shard| shard.name.is_empty()) {
            return Err(ConfigError::new("shards", "the name of a shard is empty"));
        }
        let neighbours = shards.iter().zip(shards.iter().skip(1));
        if let Some((twice, _)) = neighbours.into_iter().find(|(one, other)| one.name == other.name) {
            return Err(ConfigError::new("shards", format!("two shards have the name `{}`", twice.name)));
        }
        let placement = Placement::new(shards.iter().map(|shard| shard.name.as_str()));
        let feed = Feed::merged(shards.iter().map(|shard| shard.store.feed()));
        Ok(Self { shards, placement, feed, swept: AtomicUsize::new(0) })
    }

    /// Returns the name of the shard that has the session under this key, and its store.
    pub fn shard(&self, key: &StoreKey) -> Option<(&str, &S)> {
        self.at(key).map(|shard| (shard.name.as_str(), &shard.store))
    }

    /// Returns the shards and their names, in the order of their names.
    pub fn shards(&self) -> impl Iterator<Item = (&str, &S)> {
        self.shards.iter().map(|shard| (shard.name.as_str(), &shard.store))
    }

    fn at(&self, key: &StoreKey) -> Option<&Shard<S>> {
        self.shards.get(self.placement.of(key))
    }
}
