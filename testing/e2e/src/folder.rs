//! A temporary folder, for a browser's profile or a demo's sessions.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;

#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Short, because a browser puts sockets there, whose paths are limited in length.
        let path = std::env::temp_dir().join(format!("cloakroom-e2e-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("{} could not be created", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If this fails, the files remain in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
