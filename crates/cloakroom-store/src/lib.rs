//! Server-side sessions without lost updates.
//!
//! A [`Store`](store::Store) is a versioned compare-and-set register with expiry.
//! [`StoredSessions`] builds sessions on it: it opens and commits them, replays a request's changes
//! on a newer version, and never revives an ended session.
//!
//! The root of the crate has the types that applications configure and use. The module [`store`]
//! has all other names, for authors of stores: the trait, its results and errors, and the
//! conformance suite.
//!
//! | file | contents |
//! |---|---|
//! | `store/contract` | the `Store` trait and the duties of its implementations |
//! | `entry` | the entry stored under a key, and its form in the list of its owner |
//! | `feed` | hints about changed sessions, for waiting requests and caches |
//! | `contents` | the value of an entry: a record, or its text |
//! | `stored_sessions` | the factory: its options, open and commit |
//! | `deadline` | the progress of a commit: its time limit and its retries |
//! | `health` | calls in flight, and the circuit breaker |
//! | `orphans` | cleanup of sessions whose id no browser received |
//! | `memory` | a store for one process |
//! | `file` | a store in a folder, for one machine |
//! | `at_rest` | the frame of a packed record |
//! | `packed` | compression and encryption of records, for any store |
//! | `cached` | sessions in the memory of this process, for any store with a feed of all changes |
//! | `sharded` | sessions spread over several stores by their keys |
//! | `location` | checks of the path of a store on disk |
//! | `sweeper` | the background task that deletes expired entries |
//! | `sessions` | listing and ending the sessions of an owner |
//! | `stats` | event counters |
//! | `scan` | a paged scan of all sessions |
//! | `pages` | the results of bounded steps that list or end many sessions |
//! | `skew` | the time at which sessions are ended, for clocks that differ |
//! | `walks` | all steps of such a walk as one call |
//! | `checkup` | the report of a store's server, for operators |
//! | `delegate` | the methods that a wrapper of a store passes on unchanged |
//! | `any` | a store whose type is chosen at run time |
//! | `error` | the error of store calls |
//! | `store/conformance` | the conformance suite for stores (feature `conformance`) |

mod alias;
mod any;
mod at_rest;
mod cached;
mod checkup;
mod contents;
mod deadline;
mod delegate;
mod entry;
mod error;
#[doc(hidden)]
pub mod feed;
mod file;
mod health;
mod keyed;
#[doc(hidden)]
pub mod location;
mod memory;
mod orphans;
mod packed;
mod pages;
mod scan;
mod sessions;
mod sharded;
mod skew;
mod stats;
pub mod store;
mod stored_sessions;
mod sweeper;
mod walks;

pub use any::AnyStore;
pub use cached::CachedStore;
pub use file::{Durability, FileStore};
pub use memory::MemoryStore;
pub use packed::PackedStore;
pub use sessions::{SessionInfo, Sessions};
pub use sharded::ShardedStore;
pub use stored_sessions::{AtLimit, StoredSessions, StoredSessionsBuilder};
pub use sweeper::Sweeper;

/// The types in the methods that [`delegate_store!`] writes.
#[doc(hidden)]
pub mod delegated {
    pub use crate::checkup::Checkup;
    pub use crate::entry::Entry;
    pub use crate::error::StoreError;
    pub use crate::feed::Feed;
    pub use crate::pages::{Ended, EndedPage, OwnedPage};
    pub use crate::scan::{Cursor, Page};
    pub use crate::store::{Created, Loaded, Replaced};
    pub use cloakroom_session::Timestamp;
    pub use cloakroom_session::factory::{StoreKey, Version};
}
