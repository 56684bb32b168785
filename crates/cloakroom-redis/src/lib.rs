//! Sessions in Redis or Valkey: one server, Sentinel or Cluster.
//!
//! Every operation is one round trip: a script that Redis runs as one step, called by its hash. What a session is and when it changes
//! is [`cloakroom_store`]'s business; here is only how it is kept.
//!
//! | module | what it is about |
//! |---|---|
//! | `redis_store` | [`RedisStore`]: connecting, options, and what each of them promises |
//! | `operations` | the duties of a store, one script each |
//! | `owners` | an owner's sessions, and ending those from before a point |
//! | `call` | one round trip: by hash, by text if the hash is unknown, and waiting for replicas |
//! | `fields` | an entry as the fields of a hash, and back |
//! | `scripts` | the scripts and their hashes |
//! | `link` | the connections behind a store |
//! | `sentinel`, `cluster` | those that follow a master, or many (features of the same names) |
//! | `error` | what Redis says, without what it says about sessions |
//!
//! # What is kept
//! A session is a hash under the prefix and the 64 hexadecimal digits of its store key: version (`v`), record (`d`), created (`c`), touched (`t`),
//! deadline (`e`, absent for ever), owner (`o`), and in a Cluster the call that wrote it (`w`). A session that moved leaves a hash with its new key (`m`) and the end of the mark (`e`).
//! An owner's sessions are a sorted set under the prefix, `o:` and the owner.
//!
//! Whether a session is over is decided by its deadline and the time that the caller passes in. Redis only cleans up, a minute later by
//! its own clock than the span that was left by the caller's: clocks that differ end no session early.
//!
//! # Examples
//! ```no_run
//! use cloakroom_redis::RedisStore;
//! use cloakroom_store::StoredSessions;
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::connect("redis://127.0.0.1/0").await?.prefix("shop:");
//! let sessions = StoredSessions::new(store).build()?;
//! # Ok(())
//! # }
//! ```

mod address;
mod call;
#[cfg(feature = "cluster")]
mod cluster;
mod error;
mod fields;
mod index;
mod link;
mod operations;
mod owners;
mod redis_store;
mod scripts;
#[cfg(feature = "sentinel")]
mod sentinel;
mod steps;

pub use redis_store::RedisStore;
