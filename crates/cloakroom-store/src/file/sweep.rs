//! Removes expired files, and temporary files of killed processes.

use std::fs::{self, DirEntry, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use super::FileStore;
use super::folder::{Folder, SHARDS, unavailable};
use super::format::{Kept, due, unhex};
use crate::error::StoreError;

/// The files to remove from a shard.
#[derive(Debug, Default)]
struct Candidates {
    over: Vec<StoreKey>,
    unfinished: Vec<String>,
}

impl FileStore {
    /// Sweeps one shard after the other, starting where the last sweep stopped. Locks are held for
    /// one shard at a time.
    pub(super) async fn sweep_some(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let start = self.0.swept_up_to.load(Ordering::Relaxed);
        let mut swept = 0;
        for step in 0..SHARDS {
            let shard = (start + step) % SHARDS;
            self.0.swept_up_to.store(shard, Ordering::Relaxed);
            if swept >= limit {
                break;
            }
            #[expect(clippy::cast_possible_truncation, reason = "below 256")]
            let (shard, room) = (shard as u8, limit - swept);
            let inner = Arc::clone(&self.0);
            let looked = tokio::task::spawn_blocking(move || candidates(&inner.folder, shard, now, room));
            let found = looked
                .await
                .map_err(StoreError::unavailable)?
                .map_err(unavailable("looking through the sessions' folder"))?;
            if found.over.is_empty() && found.unfinished.is_empty() {
                continue;
            }
            let turn = self.turn(shard).await;
            swept += self
                .run((turn, None), move |folder| {
                    remove(folder, shard, &found, now).map_err(unavailable("sweeping the sessions' folder"))
                })
                .await?;
        }
        Ok(swept)
    }
}

/// Finds candidates in a shard without locking it.
fn candidates(folder: &Folder, shard: u8, now: Timestamp, limit: usize) -> io::Result<Candidates> {
    let mut found = Candidates::default();
    let files = match fs::read_dir(folder.shard(shard)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        files => files?,
    };
    for file in files {
        let file = file?;
        let Ok(name) = file.file_name().into_string() else { continue };
        if is_unfinished(&name) {
            found.unfinished.push(name);
        } else if let Some(key) = key_of(&name)
            && is_due(&file, now)
            && is_expired(folder, &key, now)
        {
            found.over.push(key);
        }
        if found.over.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// Removes the candidates under the shard's lock, after checking them again.
fn remove(folder: &Folder, shard: u8, found: &Candidates, now: Timestamp) -> io::Result<usize> {
    let _lock = folder.lock(shard)?;
    for name in &found.unfinished {
        // A writer holds the lock while its temporary file exists, so this file was abandoned.
        remove_if_there(&folder.shard(shard).join(name))?;
    }
    let mut swept = 0;
    for key in &found.over {
        if is_expired(folder, key, now) {
            remove_if_there(&folder.path(key))?;
            swept += 1;
        }
    }
    folder.flush_folder(&folder.shard(shard))?;
    Ok(swept)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Returns whether a file may have expired, by its modification time. A file without one must be
/// opened.
fn is_due(file: &DirEntry, now: Timestamp) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.map_or(true, |modified| due(modified) < now.unix_millis())
}

/// Returns whether the first line of a file says that it has expired. An unreadable file is kept
/// for an operator to inspect.
fn is_expired(folder: &Folder, key: &StoreKey, now: Timestamp) -> bool {
    // Usually the file was deleted since the folder was listed.
    let Ok(file) = File::open(folder.path(key)) else { return false };
    let mut line = String::new();
    let read = BufReader::with_capacity(512, &file).read_line(&mut line);
    match Kept::decode_line(key, line.trim_end_matches('\n')) {
        Some((kept, _)) if kept.is_expired(now) => true,
        Some((kept, _)) => {
            // The file was copied, or written by an earlier release. Set its time, so that the next
            // sweep need not open it. This needs no lock: if the file was replaced, the handle
            // refers to the old one.
            let _ = file.set_modified(kept.modified());
            false
        }
        None => {
            if read.is_ok() {
                tracing::warn!(?key, "a file in the sessions' folder isn't a session");
            }
            false
        }
    }
}

pub(super) fn key_of(name: &str) -> Option<StoreKey> {
    Some(StoreKey::from_bytes(unhex(name)?.try_into().ok()?))
}

/// `<key>.<process>-<number>.tmp`.
fn is_unfinished(name: &str) -> bool {
    let stem = name.strip_suffix(".tmp").and_then(|name| name.split_once('.'));
    stem.is_some_and(|(key, _)| key_of(key).is_some())
}
