//! The choice between prepared statements and statements sent whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::query::Unprepared;

/// After the server has forgotten this many statements, none is prepared any more.
const FORGOTTEN: usize = 3;

/// The way statements are executed: prepared and kept, or sent whole each time.
///
/// A statement that is sent whole costs the server some more work, but no more round trips. It
/// doesn't depend on state that the server keeps between calls, so a pooler may route each call to
/// another server connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Prepared {
    /// The URL decides.
    fixed: bool,
    /// The number of forgotten statements; from [`FORGOTTEN`] on none is prepared.
    forgotten: Arc<AtomicUsize>,
}

impl Prepared {
    pub(super) fn always() -> Self {
        Self { fixed: true, ..Self::default() }
    }

    pub(super) fn never() -> Self {
        Self { fixed: true, forgotten: Arc::new(FORGOTTEN.into()) }
    }

    /// Records that there is a pooler: other clients may prepare statements on the same server
    /// connection.
    pub(super) fn pooler_found(&self) {
        if !self.fixed {
            self.forgotten.store(FORGOTTEN, Ordering::Relaxed);
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.forgotten.load(Ordering::Relaxed) < FORGOTTEN
    }

    /// Records a failure. Returns whether statements must be sent whole from now on.
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
