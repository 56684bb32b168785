//! Records that another framework keeps in its own store, shared with it.
//!
//! The other side overwrites whole records, without looking at what is there. This side doesn't: it
//! replaces a record only if it is still what was read, and does the request's changes again on
//! what it is now if it isn't.

mod commit;
mod factory;
mod format;
mod memory;
mod store;

pub use factory::{SharedRecords, SharedRecordsBuilder};
pub use format::{RecordFormat, Touching};
pub use memory::MemoryRecords;
pub use store::{ForeignStore, Swap};
