//! File names, locks, and atomic writes.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_session::factory::StoreKey;

use super::durability::Durability;
use super::format::{Kept, hex};
use crate::error::StoreError;
use crate::feed::{Announcer, Covers, Reach};

/// One folder for each value of a key's first byte.
pub(super) const SHARDS: usize = 256;

/// The longest wait for a lock held by another process, so that a hanging process doesn't block our
/// threads.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

pub(super) const fn shard_of(key: &StoreKey) -> u8 {
    key.as_bytes()[0]
}

/// The folder of a store.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    durability: Durability,
    /// Numbers the temporary files.
    unfinished: AtomicU64,
    announcer: Announcer,
}

impl Folder {
    pub(super) fn open(root: &Path, durability: Durability) -> io::Result<Self> {
        create_folder(root)?;
        // Other processes may write to the same folder.
        let announcer = Announcer::in_process(Covers::Changes, Reach::ThisProcess);
        Ok(Self { root: root.to_owned(), durability, unfinished: AtomicU64::new(0), announcer })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) const fn durability(&self) -> Durability {
        self.durability
    }

    pub(super) const fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    pub(super) fn shard(&self, shard: u8) -> PathBuf {
        self.root.join(format!("{shard:02x}"))
    }

    /// Hexadecimal digits only, so that client input never becomes a path.
    pub(super) fn path(&self, key: &StoreKey) -> PathBuf {
        self.shard(shard_of(key)).join(hex(key.as_bytes()))
    }

    /// Locks a shard while the returned file is open. The operating system releases the locks of a
    /// terminated process.
    pub(super) fn lock(&self, shard: u8) -> io::Result<File> {
        let folder = self.shard(shard);
        let path = folder.join("lock");
        let file = match private().write(true).create(true).truncate(false).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_folder(&folder)?;
                self.flush_folder(&self.root)?;
                private().write(true).create(true).truncate(false).open(&path)?
            }
            opened => opened?,
        };
        let mut pause = Duration::from_micros(50);
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if waited >= LOCK_PATIENCE => {
                    let why = format!("another process has held the lock for {LOCK_PATIENCE:?}");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            std::thread::sleep(pause);
            waited += pause;
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    pub(super) fn read(&self, key: &StoreKey) -> Result<Option<Kept>, StoreError> {
        match fs::read(self.path(key)) {
            Ok(bytes) => Kept::decode(key, &bytes).map(Some).ok_or_else(|| StoreError::corrupt(*key)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // For example a folder with our file's name.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => Err(StoreError::corrupt(*key)),
            Err(error) => Err(unavailable("reading a session's file")(error)),
        }
    }

    /// Writes a temporary file and renames it. The caller must hold the lock of the key's shard.
    pub(super) fn write(&self, key: &StoreKey, kept: &Kept) -> io::Result<()> {
        let path = self.path(key);
        let number = self.unfinished.fetch_add(1, Ordering::Relaxed);
        // Unique among running processes. A file left by a killed process with the same id is
        // overwritten.
        let unfinished = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let written = self.write_unfinished(&unfinished, key, kept).and_then(|()| fs::rename(&unfinished, &path));
        self.announcer.changed(key);
        if let Err(error) = written {
            // Report the first error. The sweep removes the file later.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.flush_folder(&self.shard(shard_of(key)))
    }

    fn write_unfinished(&self, path: &Path, key: &StoreKey, kept: &Kept) -> io::Result<()> {
        let mut file = private().write(true).create(true).truncate(true).open(path)?;
        file.write_all(&kept.encode(key))?;
        // If the file system refuses this, each sweep opens the file instead.
        let _ = file.set_modified(kept.modified());
        match self.durability {
            Durability::PowerFailure => file.sync_all(),
            Durability::ProcessEnd => Ok(()),
        }
    }

    /// Removes a file. The caller must hold the lock of the key's shard.
    pub(super) fn remove(&self, key: &StoreKey) -> io::Result<()> {
        let removed = fs::remove_file(self.path(key));
        self.announcer.changed(key);
        removed?;
        self.flush_folder(&self.shard(shard_of(key)))
    }

    /// Flushes a folder: creating or removing a name changes the folder, not the file.
    pub(super) fn flush_folder(&self, folder: &Path) -> io::Result<()> {
        match self.durability {
            // On other systems a folder can't be opened, and its names are flushed with the files.
            Durability::PowerFailure if cfg!(unix) => File::open(folder)?.sync_all(),
            Durability::PowerFailure | Durability::ProcessEnd => Ok(()),
        }
    }
}

/// Creates an error from an I/O error and the failed action.
pub(super) fn unavailable(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |error| StoreError::unavailable(io::Error::new(error.kind(), format!("{doing}: {error}")))
}

/// Options for files that no other user may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}
