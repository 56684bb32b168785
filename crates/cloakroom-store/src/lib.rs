//! Sessions kept in a store, which lose nothing.
//!
//! A [`Store`] is a small thing: a register with versions, compare-and-swap and expiry. What makes sessions of it is
//! [`StoredSessions`]: it opens, commits, does a request's changes again on a newer version, and never revives what has ended.
//!
//! | module | what it is about |
//! |---|---|
//! | `store` | the trait, and the duties of whoever implements it |
//! | `builder`, `stored_sessions` | the factory: its options, open and commit |
//! | `queue` | commits of one session inside this process, one after the other |
//! | `memory` | a store for one process |
//! | `stats` | how often what happened |
//! | `any` | a store whose kind is known at run time only |
//! | `error` | what can go wrong |

mod any;
mod builder;
mod error;
mod memory;
mod queue;
mod stats;
mod store;
mod stored_sessions;

pub use any::AnyStore;
pub use builder::{AtLimit, StoredSessionsBuilder};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use stats::Stats;
pub use store::{Created, Entry, Loaded, Owned, Replaced, Store};
pub use stored_sessions::StoredSessions;
