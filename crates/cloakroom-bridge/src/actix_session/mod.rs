//! actix-session: cookies that hold the session, and the id cookie and records of its Redis store.
//!
//! Both keep the same state: an object of strings, each of them a value as JSON text.

mod cookie;
mod keys;
mod record;
mod state;

pub use cookie::ActixSessionCookie;
pub use record::ActixSessionRecord;
