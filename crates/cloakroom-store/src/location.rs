//! Checks of the path of a store on disk. Internal to the store crates, without stability
//! guarantees.

mod mounts;

use std::path::Path;

use crate::checkup::{Checkup, Severity, Topic};
use crate::error::StoreError;
pub use mounts::Mount;

const IN_MEMORY: &str =
    "`:memory:` as `path`, which names no place on a disk: use `MemoryStore` for sessions in memory";

const EMPTY: &str = "an empty `path`: name a file or folder, or use `MemoryStore` for sessions in memory";

/// Rejects a path that names no file.
///
/// Such a path is empty, or one of SQLite's names for an in-memory database.
///
/// # Errors
/// An error that is [unsupported](StoreError::is_unsupported) and names `MemoryStore`.
pub fn on_disk(path: &Path) -> Result<(), StoreError> {
    if path.as_os_str().is_empty() {
        return Err(StoreError::unsupported(EMPTY));
    }
    if is_in_memory(&path.to_string_lossy()) {
        return Err(StoreError::unsupported(IN_MEMORY));
    }
    Ok(())
}

/// Returns whether `path` is one of SQLite's names for an in-memory database.
///
/// The name may follow a slash, as in SQLAlchemy URLs (`sqlite:///:memory:`), and may be followed
/// by URI parameters. Without this check, a file with that odd name would be created.
#[must_use]
pub fn is_in_memory(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let (place, parameters) = path.split_once('?').unwrap_or((&path, ""));
    let place = place.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_uri = path.starts_with("file:");
    matches!(place, ":memory:" | "file::memory:")
        || (is_uri && parameters.split('&').any(|parameter| parameter == "mode=memory"))
}

/// Returns the file system of a path; `None` outside Linux. Blocks on disk access.
#[must_use]
pub fn mount_of(path: &Path) -> Option<Mount> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let mounts = std::fs::read("/proc/self/mountinfo").ok()?;
    Mount::of(&path.canonicalize().ok()?, &String::from_utf8_lossy(&mounts))
}

/// Logs a warning if an opened store is on a network file system.
pub fn warn_of_network(path: &Path) {
    if let Some(Mount { kind, at }) = mount_of(path).filter(Mount::is_network) {
        tracing::warn!(
            path = %path.display(),
            file_system = kind,
            mounted_at = %at.display(),
            "the sessions are on a network file system: its locks and shared memory do not keep processes apart"
        );
    }
}

/// Adds a finding about the file system of a store.
#[must_use]
pub fn judged(checkup: Checkup, mount: Option<&Mount>) -> Checkup {
    let Some(mount) = mount else { return checkup };
    let Mount { kind, at } = mount;
    if !mount.is_network() {
        return checkup.found(Topic::Storage, Severity::Good, format!("a file system of this machine ({kind})"));
    }
    let text = format!(
        "{} is a network file system ({kind}): locks and shared memory do not keep processes apart there, and sessions may be \
         lost; use a local disk, or a server for many machines",
        at.display()
    );
    checkup.found(Topic::Storage, Severity::Problem, text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::on_disk;

    #[test]
    fn a_path_that_names_no_file_is_refused() {
        let table = [
            ("", Some("an empty `path`")),
            (":memory:", Some("`:memory:` as `path`")),
            (":MEMORY:", Some("`:memory:` as `path`")),
            ("./:memory:", Some("`:memory:` as `path`")),
            ("/:memory:", Some("`:memory:` as `path`")),
            (":memory:?cache=shared", Some("`:memory:` as `path`")),
            ("file::memory:", Some("`:memory:` as `path`")),
            ("file::memory:?cache=shared", Some("`:memory:` as `path`")),
            ("file:///:memory:", Some("`:memory:` as `path`")),
            ("file:sessions?mode=memory&cache=shared", Some("`:memory:` as `path`")),
            ("sessions.db", None),
            ("memory", None),
            ("memory.db", None),
            ("file:sessions.db", None),
            ("file:sessions.db?mode=rwc", None),
            ("/srv/:memory:/sessions.db", None),
            ("sessions?mode=memory", None),
        ];
        for (path, why) in table {
            match (on_disk(Path::new(path)), why) {
                (Ok(()), None) => {}
                (Err(error), Some(why)) => {
                    let told = error.to_string();
                    assert!(
                        error.is_unsupported() && told.contains(why) && told.contains("MemoryStore"),
                        "{path}: {told}"
                    );
                }
                (answer, _) => panic!("{path}: {answer:?}"),
            }
        }
    }
}
