//! tower-sessions: the id cookie, and the MessagePack records of its stores.
//!
//! A record is an array of the id, the session's data and the expiry. Flash messages are those of
//! `axum-messages`.

mod keys;
mod messages;
mod msgpack;
mod record;

pub use record::TowerSessionsRecord;
