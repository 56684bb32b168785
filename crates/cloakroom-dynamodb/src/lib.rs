//! Sessions in Amazon DynamoDB, without background tasks.
//!
//! Each operation is a conditional write, or a transaction if it changes more than one item. The
//! session logic is in [`cloakroom_store`]; this crate only stores the records.
//!
//! | module | contents |
//! |---|---|
//! | `dynamodb_store` | [`DynamoDbStore`]: its options and guarantees |
//! | `connect` | a client from a URL (feature `connect`) |
//! | `operations` | load, create, replace and touch |
//! | `moves` | cycle and end |
//! | `owners` | the sessions of an owner, page by page |
//! | `walks` | the scan, and ending all sessions created before a point in time |
//! | `table` | creating the table, and the report on it |
//! | `item` | the format of an item, and its decoding |
//! | `listing` | the place of a session in its owner's index, and how long it is listed |
//! | `write` | a conditional write of one item, as a request or as a part of a transaction |
//! | `commit` | one or more writes as one atomic step, with retries of conflicts |
//! | `error` | errors of the SDK, without the session data that they may quote |
//!
//! # Data layout
//! The table has a partition key `pk` and a sort key `sk`, both strings. `PREFIX` is the store's
//! [prefix](DynamoDbStore::prefix), which is empty by default.
//!
//! | | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | a session | `PREFIX` `s#` store key in hexadecimal | `session` | `record`, `version`, `created`, `touched`, `deadline`, `call`, `owner`, `place`, `listed`, `expires` |
//! | a tombstone | the same | `session` | `moved`, `created`, `deadline`, `call`, `expires` |
//! | an entry of the owner index | `PREFIX` `o#` owner | `place` of the session | `session`, `expires` |
//!
//! | attribute | meaning |
//! |---|---|
//! | `record` | the text of the record |
//! | `version` | the number of the version |
//! | `created`, `touched`, `deadline` | milliseconds; a session without a deadline never expires |
//! | `call` | 8 random bytes, different after each write |
//! | `place` | time of creation and 16 random bytes; the session keeps it when it moves |
//! | `listed` | until when the owner index lists the session, in milliseconds |
//! | `moved`, `session` | the new key of a session that moved; the key of a listed session |
//! | `expires` | when DynamoDB may delete the item, in seconds: the time to live of the table |
//!
//! A session expires by its deadline and the time that the caller passes in. DynamoDB deletes
//! expired items a day later at the earliest, so that differing clocks end no session early.
//!
//! A damaged or foreign item under the key of a session is an error that names the store key. It
//! is left unchanged.
//!
//! # Retries
//! The SDK retries calls without an answer. No call takes effect twice: transactions carry a token
//! by which DynamoDB recognizes a repeated one, and each other write leaves its `call` in the item.
//! If a repeated write finds its own mark, it has succeeded.
//!
//! # Examples
//! ```no_run
//! use cloakroom_dynamodb::DynamoDbStore;
//! use cloakroom_store::StoredSessions;
//!
//! # fn start(client: aws_sdk_dynamodb::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let sessions = StoredSessions::new(DynamoDbStore::new(client, "sessions")).build()?;
//! # Ok(())
//! # }
//! ```

mod commit;
#[cfg(feature = "connect")]
mod connect;
mod dynamodb_store;
mod error;
mod item;
mod listing;
mod moves;
mod operations;
mod owners;
mod table;
mod walks;
mod write;

pub use dynamodb_store::DynamoDbStore;
