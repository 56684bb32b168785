//! What has ended at the source since it was copied: somebody who signed out there is signed out here.

use std::collections::HashSet;

use cloakroom::{Clock as _, Store as _, StoreError, StoreKey, SystemClock};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::Stores;
use super::journal::Journal;
use super::report::Report;
use super::step::is_to_end;
use crate::walk::within;

/// As many may always end; beyond that, a tenth of all that was copied.
const FEW: usize = 100;

/// Ends at the target what was copied, isn't at the source any more, and wasn't written at the target.
///
/// A source that was emptied looks like one where everybody signed out. So many are ended only if that was asked for.
pub(super) async fn run(
    stores: &Stores,
    journal: &mut Journal,
    seen: &HashSet<StoreKey>,
    end_many: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let copied = journal.copied().count();
    let missing: Vec<StoreKey> = journal.copied().filter(|key| !seen.contains(*key)).copied().collect();
    let look = |key: StoreKey| {
        let known = journal.known(&key);
        async move {
            let now = SystemClock.now();
            let here = within(stores.from.load(&key, now)).await?;
            let there = within(stores.to.load(&key, now)).await?;
            Ok::<_, StoreError>(is_to_end(&known, &here, &there, now).then_some(key))
        }
    };
    let looked: Vec<Option<StoreKey>> =
        stream::iter(missing).map(look).buffer_unordered(stores.at_once).try_collect().await?;
    let to_end: Vec<StoreKey> = looked.into_iter().flatten().collect();
    if to_end.len() > FEW.max(copied / 10) && !end_many {
        report.not_ended = to_end.len() as u64;
        return Ok(());
    }
    let end = |key: StoreKey| async move { within(stores.to.end(&key, SystemClock.now())).await.map(|_| key) };
    let ended: Vec<StoreKey> = stream::iter(to_end).map(end).buffer_unordered(stores.at_once).try_collect().await?;
    report.ended = ended.len() as u64;
    ended.iter().try_for_each(|key| journal.forget(key))
}
