//! The result of a commit.

use cloakroom_session::factory::Record;

/// The state of the store after a commit.
#[expect(clippy::large_enum_variant, reason = "it is short-lived and stays on the stack")]
pub(crate) enum CommitOutcome {
    Kept(String, Record),
    Ended {
        was_there: bool,
    },
    /// The session ended in the meantime: the changes are dropped, and no cookie is sent.
    Dropped,
    Untouched,
}
