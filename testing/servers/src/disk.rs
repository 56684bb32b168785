//! A small disk that a test can fill completely.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A separate file system in memory.
#[derive(Debug)]
pub struct Disk(tempfile::TempDir);

impl Disk {
    /// Mounts a disk of this many kilobytes. Requires root.
    #[must_use]
    pub fn mount(kilobytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kilobytes}k");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "cloakroom"]).arg(folder.path()).output();
        let output = mount.unwrap_or_else(|error| panic!("mount is missing: {error}"));
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the tests of a full disk mount a small one, which requires root: {why}");
        Self(folder)
    }

    /// The mount point.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        for (number, size) in [1 << 20, 65_536, 4096, 512, 1].into_iter().enumerate() {
            let ballast = (0..).map(|count| self.ballast().join(format!("{number}-{count}")));
            fs::create_dir_all(self.ballast()).unwrap();
            // The last file of each size doesn't fit, and takes the space that is left.
            let _ = ballast.into_iter().find(|file| fs::write(file, vec![0; size]).is_err());
        }
    }

    /// Frees the space again.
    pub fn free(&self) {
        fs::remove_dir_all(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Files on it may still be open.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
