//! Random faults, for as long as `CLOAKROOM_SOAK` says in minutes: `cargo xtask soak`.

pub(crate) fn run() {}
