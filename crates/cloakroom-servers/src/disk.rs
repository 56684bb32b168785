//! A small disk, which a test can fill to the last byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A separate file system, in memory.
#[derive(Debug)]
pub struct Disk(tempfile::TempDir);

impl Disk {
    /// One of this many kilobytes. Only root may mount it.
    #[must_use]
    pub fn mount(kilobytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kilobytes}k");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "cloakroom"]).arg(folder.path()).output();
        let output = mount.unwrap_or_else(|error| panic!("mount is missing: {error}"));
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a full disk is tried on a small one, which only root may mount: {why}");
        Self(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        for (number, size) in [1 << 20, 65_536, 4096, 512, 1].into_iter().enumerate() {
            let ballast = (0..).map(|count| self.ballast().join(format!("{number}-{count}")));
            fs::create_dir_all(self.ballast()).unwrap();
            // The last one of each size doesn't fit whole, and takes what it can.
            let _ = ballast.into_iter().find(|file| fs::write(file, vec![0; size]).is_err());
        }
    }

    /// Makes room again.
    pub fn free(&self) {
        fs::remove_dir_all(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Files on it may be open still.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
