//! Both stores of a migration.

use std::time::Duration;

use cloakroom::AnyStore;

/// Both stores, and the limits of the load on them.
#[derive(Debug)]
pub(super) struct Stores {
    pub(super) from: AnyStore,
    pub(super) to: AnyStore,
    pub(super) at_once: usize,
    pub(super) pause: Duration,
}
