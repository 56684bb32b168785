//! Whether statements are prepared.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::link::Unprepared;

/// After this many statements that the server had forgotten, none is prepared any more.
const FORGOTTEN: usize = 3;

/// Whether statements are prepared and kept, or sent whole each time.
///
/// A statement that is sent whole takes the server some more work, and no more round trips. It
/// needs nothing that the server remembers from one call to the next: a pooler may hand each call
/// to another server.
#[derive(Clone, Debug, Default)]
pub(super) struct Prepared {
    /// The URL decides.
    fixed: bool,
    /// How many were forgotten; from [`FORGOTTEN`] on none is prepared.
    forgotten: Arc<AtomicUsize>,
}

impl Prepared {
    pub(super) fn always() -> Self {
        Self { fixed: true, ..Self::default() }
    }

    pub(super) fn never() -> Self {
        Self { fixed: true, forgotten: Arc::new(FORGOTTEN.into()) }
    }

    /// Another client may prepare statements on the same server in between.
    pub(super) fn pooler_found(&self) {
        if !self.fixed {
            self.forgotten.store(FORGOTTEN, Ordering::Relaxed);
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.forgotten.load(Ordering::Relaxed) < FORGOTTEN
    }

    /// Whether a statement is to be sent whole after this.
    pub(super) fn gives_way(&self, why: Unprepared) -> bool {
        match why {
            Unprepared::Forgotten if !self.fixed => {
                let _ = self.forgotten.fetch_add(1, Ordering::Relaxed);
            }
            Unprepared::Mixed => self.pooler_found(),
            Unprepared::Forgotten | Unprepared::Outdated => {}
        }
        !self.fixed
    }
}
