//! Sessions in Redis or Valkey: a single server, Sentinel or Cluster.
//!
//! Each operation is either a Lua script, which Redis executes atomically and which is called by
//! its hash, or a single command if that is enough: a read, a new session without an owner, and a
//! commit if the server supports compare-and-set (Valkey since 8.1, Redis since 8.4). The session
//! logic is in [`cloakroom_store`]; this crate only stores the records.
//!
//! | module | contents |
//! |---|---|
//! | `redis_store` | [`RedisStore`]: connecting, and the guarantees of each option |
//! | `operations` | the operations of the `Store` trait, one script each |
//! | `exchange` | operations that need only one command |
//! | `owners` | the sessions of an owner, page by page |
//! | `everybody` | ending all sessions created before a point in time |
//! | `scan` | the scan of all sessions |
//! | `checkup` | the report on a server |
//! | `index` | how long the owner index lists a session, and updates of an index on another server |
//! | `steps` | operations that involve two servers of a Cluster |
//! | `call` | one round trip: by hash, or by text if the server doesn't know the hash |
//! | `calls` | marks that identify a repeated call |
//! | `target` | the server of a Cluster that a command is for |
//! | `durability` | confirmation of writes by replicas or disks, and retries of unconfirmed ends |
//! | `reply` | the replies of scripts about a session |
//! | `argument` | the arguments of scripts, including a session to store |
//! | `layout` | the format of a session as a Redis value, and its decoding |
//! | `scripts` | the scripts and their hashes |
//! | `address` | the parts of a URL: servers, credentials, certificates and timeouts |
//! | `link` | the connections of a store |
//! | `kept` | one connection shared by all calls, and the reasons to replace it |
//! | `managed` | the connection to one server |
//! | `sentinel`, `cluster` | connections that follow the master, or many masters (features of the same names) |
//! | `feed` | the feed of changed sessions, on a separate connection |
//! | `error` | Redis errors, without the session data that they quote |
//!
//! # Data layout
//! A session is a string. Its key is the prefix, `s` and the 32 bytes of the store key. The
//! sessions of an owner are a sorted set, ordered by creation. Its key is the prefix, `o:` and the
//! owner (see `list.lua`).
//!
//! | | value |
//! |---|---|
//! | a session | `1 VERSION CREATED TOUCHED DEADLINE CALL LISTED OWNER`, a newline, the owner, the record's text |
//! | a tombstone | `> DEADLINE CALL TARGET` |
//!
//! | field | meaning |
//! |---|---|
//! | `VERSION` | the number of writes to the session, starting with 1 |
//! | `CREATED`, `TOUCHED`, `DEADLINE` | milliseconds; a session without a deadline never expires |
//! | `CALL` | in a Cluster, the last call of each process that wrote it, at most eight, separated by commas |
//! | `LISTED` | until when the owner index lists it, or `ever` |
//! | `OWNER` | the length of the owner in bytes |
//! | `TARGET` | the 32 bytes of the new key |
//!
//! An empty field is written as `-`.
//!
//! A session expires by its deadline and the time that the caller passes in. The expiry of the
//! Redis key is only for cleanup. It is set one minute longer than the time left by the caller's
//! clock, so that differing clocks end no session early.
//!
//! A damaged or foreign value under one of these keys is an error that names the store key. It is
//! left unchanged.
//!
//! # Round trips
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
//! The numbers are the same for sessions with an owner. In a Cluster, a session's old key, its new
//! key and its owner index are on different servers, and the tombstone may be written only once the
//! new session exists, so a move needs two consecutive round trips. All other calls run in parallel
//! or in the background. A session whose deadline is extended beyond its entry in the owner index
//! needs two more round trips, once.
//!
//! # Guarantees of each topology
//! | | one server | Sentinel | Cluster |
//! |---|---|---|---|
//! | `kill -9`, and a restart with `appendfsync always` | no write is lost or half done; calls fail until the restart | the same | the same, for the sessions of that master |
//! | permanent loss of the master | all sessions are lost | calls fail until the sentinels agree on a new master; writes that it didn't have are lost, with [`RedisStore::durability`] only unconfirmed ones | the same, for the sessions of that master; others are not affected |
//! | a server hangs | calls fail within a second | as for a lost master, once the sentinels declare it lost | the same, for its sessions |
//! | a call fails halfway | not possible: a script is atomic | the same | a move leaves the old session unchanged, and a new one that its owner can list and end |
//!
//! Recovery times were measured by this crate's tests, with servers and clients on one busy
//! machine. After `kill -9`, the first answer came 0.2 seconds after the restart. A failover by
//! sentinels that detect the loss after 0.5 seconds took 1.8 seconds. The promotion of a replica in
//! a Cluster with a `cluster-node-timeout` of 1 second took 2.1 to 2.8 seconds. No acknowledged
//! write was lost, and no write was half done. The time until the servers declare a master lost is
//! their configuration (30 seconds for Sentinel and 15 seconds for Cluster by default), and must be
//! added.
//!
//! A call whose answer is lost may have been executed. It returns an error, and the caller may
//! retry: the version shows whether it was.
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
mod calls;
mod checkup;
#[cfg(feature = "cluster")]
mod cluster;
mod durability;
mod error;
mod everybody;
mod exchange;
mod feed;
mod index;
mod kept;
mod layout;
mod link;
mod managed;
mod operations;
mod owners;
mod redis_store;
mod reply;
mod scan;
mod scripts;
#[cfg(feature = "sentinel")]
mod sentinel;
mod shared;
mod steps;
mod target;

pub use redis_store::RedisStore;

/// Connections for the bridge crate. Internal, without stability guarantees.
#[doc(hidden)]
pub mod connections {
    pub use crate::shared::KeptConnection;
}
