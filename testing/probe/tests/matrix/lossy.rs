//! A store that executes every call, but loses some answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloakroom::store::StoreError;

use crate::hooked::{Call, Hook};

/// One write in this many loses its answer. Writes of all kinds are interleaved, so every kind is
/// affected.
const EVERY: usize = 4;

/// Loses the answers to some writes while enabled.
#[derive(Clone, Default)]
pub(crate) struct Lossy(Arc<State>);

#[derive(Default)]
struct State {
    losing: AtomicBool,
    writes: AtomicUsize,
    lost: AtomicUsize,
}

impl Lossy {
    pub(crate) fn lose(&self, losing: bool) {
        self.0.losing.store(losing, Ordering::SeqCst);
    }

    /// The number of lost answers.
    pub(crate) fn lost(&self) -> usize {
        self.0.lost.load(Ordering::SeqCst)
    }
}

impl Hook for Lossy {
    fn behind(&self, call: Call) -> Result<(), StoreError> {
        if call == Call::Load || !self.0.losing.load(Ordering::SeqCst) {
            return Ok(());
        }
        if !self.0.writes.fetch_add(1, Ordering::SeqCst).is_multiple_of(EVERY) {
            return Ok(());
        }
        self.0.lost.fetch_add(1, Ordering::SeqCst);
        Err(StoreError::unavailable("it was done, and the answer is lost"))
    }
}
