//! Sessions kept in a store, which lose nothing.
//!
//! A [`Store`] is a small thing: a register with versions, compare-and-swap and expiry. What makes
//! sessions of it is
//! [`StoredSessions`]: it opens, commits, does a request's changes again on a newer version, and never revives what has ended.
//!
//! | module | what it is about |
//! |---|---|
//! | `store` | the trait, and the duties of whoever implements it |
//! | `contents` | a record on its way to a store or from it: as text, or as it is |
//! | `builder`, `stored_sessions` | the factory: its options, open and commit |
//! | `commit` | how the factory carries out a plan |
//! | `write` | how a commit writes a session that others may write too, on the newest version |
//! | `group` | commits of one session that wait at the same time, written as one |
//! | `call` | one call of a store: limited, traced and timed |
//! | `deadline` | the time that a commit has |
//! | `limit` | the number of sessions that an owner may have |
//! | `health` | how many calls are under way, and whether the store is known to be down |
//! | `flights` | loads and touches of one session that meet, served by one call |
//! | `orphans` | sessions that may have begun without an answer: no browser has their ids |
//! | `queue` | work on one session inside this process, one task after the other |
//! | `memory` | a store for one process |
//! | `file` | a store in a folder, for one machine |
//! | `at_rest` | the outside of a packed record |
//! | `packed` | records compressed or encrypted, in any store |
//! | `location` | where a store on a disk may be |
//! | `sweeper` | the task that removes what is over |
//! | `sessions` | an owner's sessions: listed, and ended |
//! | `stats` | how often what happened |
//! | `scan` | a walk through all sessions, page by page |
//! | `walks` | bounded steps through an owner's sessions, and through those to be ended |
//! | `checkup` | what a store's server says of itself, for operators |
//! | `any` | a store whose kind is known at run time only |
//! | `error` | what can go wrong |
//! | `conformance` | the suite that decides whether a store is right (feature `conformance`) |

mod any;
mod at_rest;
mod builder;
mod call;
mod checkup;
mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contents;
mod deadline;
mod error;
mod file;
mod flights;
mod group;
mod health;
mod keyed;
mod limit;
#[doc(hidden)]
pub mod location;
mod memory;
mod orphans;
mod packed;
mod queue;
mod scan;
mod sessions;
mod stats;
mod store;
mod stored_sessions;
mod sweeper;
mod walks;
mod write;

pub use any::AnyStore;
pub use builder::{AtLimit, StoredSessionsBuilder};
pub use checkup::{Checkup, Finding, Severity, Topic};
pub use error::StoreError;
pub use file::{Durability, FileStore};
pub use memory::MemoryStore;
pub use packed::PackedStore;
pub use scan::{Cursor, Page, Scanned};
pub use sessions::{Device, Devices, Sessions};
pub use stats::Stats;
pub use store::{Created, Entry, Loaded, Owned, Replaced, Store};
pub use stored_sessions::{IntoStore, StoredSessions};
pub use sweeper::{Sweeper, SweeperBuilder, SweeperStats};
pub use walks::{Ended, EndedPage, OwnedPage, all_owned, end_all_before};
