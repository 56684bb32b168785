//! A copy of the project's tracked files, including uncommitted changes, for checks that modify
//! files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::outcome::Outcome;
use crate::shell;

/// Makes a fresh copy below the target folder.
pub(super) fn make(name: &str) -> Outcome<PathBuf> {
    let folder = super::part::folder(name);
    let failed = |why: std::io::Error| format!("{}: {why}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    let files =
        shell::read(shell::program("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    for file in files.split_terminator('\0') {
        let (from, to) = (shell::root().join(file), folder.join(file));
        // Git also lists files whose deletion is not committed yet.
        if from.symlink_metadata().is_ok() {
            copy(&from, &to).map_err(|why| format!("{file}: {why}"))?;
        }
    }
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    #[cfg(unix)]
    if from.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to).map(|_| ())
}
