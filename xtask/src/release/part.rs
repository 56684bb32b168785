//! The result of a part of the checks, and the folders for its files.

use std::path::PathBuf;

use crate::shell;

/// The result of a part that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// With a note, which may be empty.
    Passed(String),
    /// With the reason.
    NotChecked(String),
}

/// Returns a folder below the target folder, for files that a part keeps.
pub(super) fn folder(name: &str) -> PathBuf {
    shell::target().join("release-check").join(name)
}
