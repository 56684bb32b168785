//! Sessions in Redis or Valkey: one server, Sentinel or Cluster.
//!
//! An operation is a script that Redis runs as one step, called by its hash, or a command where one
//! is enough: a read, a new session of nobody's, and a commit where the server compares values by
//! itself (Valkey since 8.1, Redis since 8.4). What a session is and when it changes is
//! [`cloakroom_store`]'s business; here is only how it is kept.
//!
//! | module | what it is about |
//! |---|---|
//! | `redis_store` | [`RedisStore`]: connecting, options, and what each of them promises |
//! | `operations` | the duties of a store, one script each |
//! | `exchange` | those that one command does |
//! | `owners` | an owner's sessions, page by page |
//! | `everybody` | ending all sessions from before a point, step by step |
//! | `scan` | a walk through all sessions |
//! | `checkup` | what a server says of itself |
//! | `index` | how long the index of an owner has a session, and what to do where it lives on another server |
//! | `steps` | what takes two servers of a Cluster |
//! | `call` | one round trip: by hash, by text if the hash is unknown |
//! | `durability` | when a write counts: once replicas have it, or disks; and ends that are tried until then |
//! | `argument` | what scripts are called with |
//! | `layout` | a session as a value of Redis, and back |
//! | `scripts` | the scripts and their hashes |
//! | `address` | what a URL says: where, as whom, and whose certificates to believe |
//! | `link` | the connections behind a store |
//! | `kept` | one connection that all calls share, and when it is left |
//! | `managed` | the connection to one server |
//! | `sentinel`, `cluster` | those that follow a master, or many (features of the same names) |
//! | `error` | what Redis says, without what it says about sessions |
//!
//! # What is kept
//! A session is a string under the prefix, `s` and the 32 bytes of its store key. An owner's
//! sessions are a sorted set under the prefix, `o:` and the owner, in the order in which they were
//! created (see `list.lua`).
//!
//! | | value |
//! |---|---|
//! | a session | `1 VERSION CREATED TOUCHED DEADLINE CALL LISTED OWNER`, a newline, the owner, the record's text |
//! | one that has moved | `> DEADLINE CALL TARGET` |
//!
//! | word | what it says |
//! |---|---|
//! | `VERSION` | how often the session was written, beginning with 1 |
//! | `CREATED`, `TOUCHED`, `DEADLINE` | milliseconds; no deadline is for ever |
//! | `CALL` | in a Cluster, the last call of each process that wrote it, eight at most, with commas in between |
//! | `LISTED` | until when its owner's index has it, or `ever` |
//! | `OWNER` | how many bytes the owner has |
//! | `TARGET` | the 32 bytes of the new key |
//!
//! Where there is none, the word is `-`.
//!
//! Whether a session is over is decided by its deadline and the time that the caller passes in.
//! Redis only cleans up, a minute later by its own clock than the span that was left by the
//! caller's: clocks that differ end no session early.
//!
//! What is under these keys and isn't ours, or was damaged, is an error that names the store key.
//! It stays as it is.
//!
//! # How often a request waits
//! | | one server, Sentinel | Cluster |
//! |---|---|---|
//! | the session isn't used | 0 | 0 |
//! | read | 1 | 1 |
//! | read and write | 2 | 2 |
//! | create | 1 | 1 |
//! | sign in: read, move to a new id, write | 2 | 3 |
//! | sign out: read, end | 2 | 2 |
//! | list an owner's sessions, per hundred of them | 1 | 2 |
//!
//! The same with an owner. In a Cluster a session's old key, its new key and the index of its owner
//! live on different servers, and the old one may lead away only when the new one is there: two
//! waits that can't be made at the same time. Everything else is sent at the same time, or while
//! nobody waits. A session whose deadline jumps beyond the place that it has in its owner's index
//! waits twice more, once.
//!
//! # What each topology promises
//! | | one server | Sentinel | Cluster |
//! |---|---|---|---|
//! | `kill -9`, and a restart with `appendfsync always` | nothing lost, nothing half done; calls fail until it is up again | the same | the same, for the sessions of that master |
//! | the master is lost for good | all is lost | calls fail until the sentinels agree; what the new master didn't have is lost, with [`RedisStore::durability`] what none of its replicas had confirmed | the same, for the sessions of that master; others go on |
//! | a server hangs | calls fail within a second | as a lost master, once the sentinels think so | the same, for its sessions |
//! | a call fails halfway | not possible: a script is one step | the same | a move leaves the old session as it was, and a new one that its owner can list and end |
//!
//! As measured by this crate's tests, with servers and clients on one busy machine: after `kill -9`
//! an answer 0.2 seconds after the restart; a failover by sentinels that notice after 0.5 seconds,
//! 1.8 seconds; the promotion of a replica in a Cluster whose `cluster-node-timeout` is 1 second,
//! 2.1 to 2.8 seconds. In none of them was an acknowledged write lost, nor one found that was done
//! by halves. What the servers of a deployment wait before they believe in a loss is their
//! configuration (30 and 15 seconds unless told otherwise), and comes first in these sums.
//!
//! A call whose answer is lost may have been carried out. It is an error here, and the caller may
//! try again: versions tell whether it had been.
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
mod argument;
mod call;
mod checkup;
#[cfg(feature = "cluster")]
mod cluster;
mod durability;
mod error;
mod everybody;
mod exchange;
mod index;
mod kept;
mod layout;
mod link;
mod managed;
mod operations;
mod owners;
mod redis_store;
mod scan;
mod scripts;
#[cfg(feature = "sentinel")]
mod sentinel;
mod shared;
mod steps;

pub use redis_store::RedisStore;

/// Connections for the bridges' crate. They change without notice: nothing here is promised.
#[doc(hidden)]
pub mod connections {
    pub use crate::shared::KeptConnection;
}
