//! Names, locks, and writing a file whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_session::StoreKey;

use super::Durability;
use super::format::{Kept, hex};
use crate::error::StoreError;

/// One folder for each value of a key's first byte.
pub(super) const SHARDS: usize = 256;

/// How long to wait for a lock that another process has: a process that hangs mustn't take our
/// threads with it.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

pub(super) const fn shard_of(key: &StoreKey) -> u8 {
    key.as_bytes()[0]
}

/// The folder of a store.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    durability: Durability,
    /// For the names of files that aren't finished.
    unfinished: AtomicU64,
}

impl Folder {
    pub(super) fn open(root: &Path, durability: Durability) -> io::Result<Self> {
        create_folder(root)?;
        Ok(Self { root: root.to_owned(), durability, unfinished: AtomicU64::new(0) })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) const fn durability(&self) -> Durability {
        self.durability
    }

    pub(super) fn shard(&self, shard: u8) -> PathBuf {
        self.root.join(format!("{shard:02x}"))
    }

    /// Hexadecimal digits and nothing else: what a client sends never becomes a path.
    pub(super) fn path(&self, key: &StoreKey) -> PathBuf {
        self.shard(shard_of(key)).join(hex(key.as_bytes()))
    }

    /// Takes the lock of a shard, for as long as the file is open. The system drops the locks of a
    /// process that ends.
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
            // A folder under our name, for example.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => Err(StoreError::corrupt(*key)),
            Err(error) => Err(super::unavailable("reading a session's file")(error)),
        }
    }

    /// Writes a file under another name and renames it. Under the lock of the key's shard.
    pub(super) fn write(&self, key: &StoreKey, kept: &Kept) -> io::Result<()> {
        let path = self.path(key);
        let number = self.unfinished.fetch_add(1, Ordering::Relaxed);
        // Unique among processes that run; what a killed one left under the same name is in
        // nobody's way any more.
        let unfinished = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let written = self.write_unfinished(&unfinished, key, kept).and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = written {
            // The error that counts is the first one; the sweep tries again.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.flush_folder(&self.shard(shard_of(key)))
    }

    fn write_unfinished(&self, path: &Path, key: &StoreKey, kept: &Kept) -> io::Result<()> {
        let mut file = private().write(true).create(true).truncate(true).open(path)?;
        file.write_all(&kept.encode(key))?;
        // Where the file system refuses it, each sweep opens the file.
        let _ = file.set_modified(kept.modified());
        match self.durability {
            Durability::PowerFailure => file.sync_all(),
            Durability::ProcessEnd => Ok(()),
        }
    }

    /// Removes a file. Under the lock of the key's shard.
    pub(super) fn remove(&self, key: &StoreKey) -> io::Result<()> {
        fs::remove_file(self.path(key))?;
        self.flush_folder(&self.shard(shard_of(key)))
    }

    /// A new name, or none any more, is kept by the folder and not by the file.
    pub(super) fn flush_folder(&self, folder: &Path) -> io::Result<()> {
        match self.durability {
            // Elsewhere a folder can't be opened, and its names are kept with the files.
            Durability::PowerFailure if cfg!(unix) => File::open(folder)?.sync_all(),
            Durability::PowerFailure | Durability::ProcessEnd => Ok(()),
        }
    }
}

/// Options for files that nobody else may read.
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
