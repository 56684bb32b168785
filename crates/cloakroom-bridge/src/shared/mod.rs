//! Records that another framework keeps in its own store.
//!
//! The other side overwrites whole records unconditionally. This side replaces a record only if it
//! is unchanged since it was read; otherwise it replays the request's changes on the newer record.

mod commit;
mod factory;
mod format;
mod memory;
mod outcome;
mod store;
mod zone;

pub(crate) use format::text_of;

pub use factory::{SharedRecords, SharedRecordsBuilder};
pub use format::{RecordFormat, TouchMode};
pub use memory::MemoryRecords;
pub use store::{DatedRecord, ForeignStore, SwapOutcome};
