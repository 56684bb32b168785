//! The scan of all files, folder by folder, in the order of their names.

use std::fs;
use std::io;
use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use super::FileStore;
use super::folder::{Folder, SHARDS, shard_of, unavailable};
use super::format::Kept;
use super::sweep::key_of;
use crate::error::StoreError;
use crate::scan::{Cursor, Page, ScannedSession};

impl FileStore {
    pub(super) async fn scan_some(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, StoreError> {
        let after = after.map(Cursor::key).transpose()?;
        let first = after.as_ref().map_or(0, |key| usize::from(shard_of(key)));
        let mut page = Page::default();
        for shard in first..SHARDS {
            #[expect(clippy::cast_possible_truncation, reason = "below 256")]
            let (shard, inner, room) = (shard as u8, Arc::clone(&self.0), limit.max(1) - page.sessions.len());
            let look = move || page_of(&inner.folder, shard, after.as_ref(), room, now);
            let (found, damaged) = tokio::task::spawn_blocking(look).await.map_err(StoreError::unavailable)??;
            page.damaged.extend(damaged);
            if page.fill(found, limit) {
                break;
            }
        }
        Ok(page)
    }
}

/// Returns at most `limit` live sessions after a key, and the damaged files among them.
fn page_of(
    folder: &Folder,
    shard: u8,
    after: Option<&StoreKey>,
    room: usize,
    now: Timestamp,
) -> Result<(Vec<ScannedSession>, Vec<StoreKey>), StoreError> {
    let keys = keys(folder, shard).map_err(unavailable("looking through the sessions' folder"))?;
    let (mut found, mut damaged) = (Vec::new(), Vec::new());
    for key in keys.into_iter().filter(|key| after.is_none_or(|after| key > after)) {
        match folder.read(&key) {
            Ok(Some(Kept::Live(version, entry))) if !entry.is_expired(now) => {
                found.push(ScannedSession::new(key, version, entry))
            }
            // Deleted since the folder was listed, expired, or moved.
            Ok(Some(Kept::Live(..) | Kept::Moved { .. }) | None) => {}
            Err(error) if error.is_corrupt() => damaged.push(key),
            Err(error) => return Err(error),
        }
        if found.len() >= room {
            break;
        }
    }
    Ok((found, damaged))
}

fn keys(folder: &Folder, shard: u8) -> io::Result<Vec<StoreKey>> {
    let files = match fs::read_dir(folder.shard(shard)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    let mut keys = Vec::new();
    for file in files {
        keys.extend(file?.file_name().to_str().and_then(key_of));
    }
    // Ignore a file in the folder of another shard: no key leads there.
    keys.retain(|key| shard_of(key) == shard);
    keys.sort_unstable();
    Ok(keys)
}
