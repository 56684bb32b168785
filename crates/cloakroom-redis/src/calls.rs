//! The marks of calls.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_store::store::StoreError;

/// Marks that identify repeated calls to the server: a random name of this process and a counter.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    process: OnceLock<[u8; 3]>,
    count: AtomicU64,
}

impl Calls {
    pub(crate) fn next(&self) -> Result<String, StoreError> {
        let [a, b, c] = match self.process.get() {
            Some(process) => *process,
            None => {
                let random = cloakroom_session::factory::random().map_err(StoreError::unavailable)?;
                *self.process.get_or_init(|| random)
            }
        };
        Ok(format!("{a:02x}{b:02x}{c:02x}.{:x}", self.count.fetch_add(1, Ordering::Relaxed)))
    }
}
