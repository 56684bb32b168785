//! Comparison of both stores after a run.

use cloakroom::store::{Loaded, ScannedSession, Store as _, StoreError};
use cloakroom::{Clock as _, SystemClock};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::journal::Journal;
use super::progress::Progress;
use super::step::{Known, whole_print};
use super::stores::Stores;
use crate::scan::{PAGE, Scan, within};

/// The result of the comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) same: u64,
    /// Written at the target by the application.
    pub(super) theirs: u64,
    /// Used or created at the source after it was copied: left to the next run.
    pub(super) behind: u64,
    /// Copied but missing at the target: ended there, or lost.
    pub(super) gone: u64,
    /// Checksums of the live sessions at the source and of their copies, independent of order.
    pub(super) checksums: [u64; 2],
}

/// Reads every session of the source again, and the entry under the same key at the target.
pub(super) async fn run(stores: &Stores, journal: &Journal, progress: &mut Progress) -> anyhow::Result<Verified> {
    let mut verified = Verified::default();
    let (mut scan, pass) = (Scan::new(&stores.from, PAGE), journal.start_pass()?);
    let mut looked_at = 0;
    while let Some(page) = scan.page().await? {
        let load = |scanned: ScannedSession| async move {
            let there = within(stores.to.load(&scanned.key, SystemClock.now())).await?;
            Ok::<_, StoreError>((scanned, there))
        };
        let sessions = journal.meet_sessions(pass, page.sessions)?;
        let pairs: Vec<(ScannedSession, Loaded)> =
            stream::iter(sessions).map(load).buffer_unordered(stores.at_once).try_collect().await?;
        looked_at += pairs.len() as u64;
        for (here, there) in &pairs {
            verified.compare(&journal.known(&here.key)?, here, there);
        }
        progress.at(looked_at);
        tokio::time::sleep(stores.pause).await;
    }
    progress.end();
    Ok(verified)
}

impl Verified {
    fn compare(&mut self, known: &Known, here: &ScannedSession, there: &Loaded) {
        let [ours, theirs] = &mut self.checksums;
        *ours = ours.wrapping_add(whole_print(&here.key, &here.entry));
        match there {
            Loaded::Live(version, entry) => {
                *theirs = theirs.wrapping_add(whole_print(&here.key, entry));
                if *entry == here.entry {
                    self.same += 1;
                } else if known.is_ours(version.number(), entry) && entry.touched <= here.entry.touched {
                    self.behind += 1;
                } else {
                    self.theirs += 1;
                }
            }
            Loaded::Moved => self.theirs += 1,
            Loaded::Absent if known.settled.is_some() => self.gone += 1,
            Loaded::Absent => self.behind += 1,
        }
    }
}
