//! Sessions that ended at the source after they were copied: a user who signed out there is signed
//! out at the target.

use cloakroom::store::{Store as _, StoreError, StoreKey, time_for_ends};
use cloakroom::{Clock as _, SystemClock};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::journal::{Copied, Journal, Pass};
use super::report::Report;
use super::step::is_to_end;
use super::stores::Stores;
use crate::scan::{PAGE, within};

/// This many may always end; beyond that, up to a tenth of all copied sessions.
const FEW: u64 = 100;

/// If at least this many were copied and none is at the source any more, it may be another store.
const SOME: u64 = 10;

/// Ends the copied sessions that are no longer at the source and haven't been written at the
/// target.
///
/// An emptied source looks like one whose users all signed out, and so does another store under the
/// same name. A large number of sessions is ended only on request.
pub(super) async fn run(
    stores: &Stores,
    journal: &Journal,
    pass: Pass,
    end_many: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut last = None;
    loop {
        let missing = journal.missing(pass, last.as_ref(), PAGE)?;
        let Some(key) = missing.last() else { break };
        last = Some(*key);
        journal.mark_ending(&to_end(stores, journal, missing).await?)?;
    }
    let ending = journal.count_ending()?;
    if are_many(ending, journal.copied(pass)?) && !end_many {
        report.not_ended = ending;
        return Ok(());
    }
    let mut last = None;
    loop {
        let page = journal.ending(last.as_ref(), PAGE)?;
        let Some(key) = page.last() else { return Ok(()) };
        last = Some(*key);
        let end = |key: StoreKey| async move {
            within(stores.to.end(&key, time_for_ends(SystemClock.now()))).await.map(|_| key)
        };
        let ended: Vec<StoreKey> = stream::iter(page).map(end).buffer_unordered(stores.at_once).try_collect().await?;
        journal.forget(&ended)?;
        report.ended += ended.len() as u64;
    }
}

/// Returns true if ending this many sessions needs the user's confirmation.
fn are_many(ending: u64, copied: Copied) -> bool {
    ending > FEW.max(copied.all / 10) || (ending > SOME && copied.met == 0)
}

/// Returns the sessions to end, after a look at both stores.
async fn to_end(stores: &Stores, journal: &Journal, missing: Vec<StoreKey>) -> anyhow::Result<Vec<StoreKey>> {
    let look = |key: StoreKey| async move {
        let now = SystemClock.now();
        let here = within(stores.from.load(&key, now)).await?;
        let there = within(stores.to.load(&key, now)).await?;
        Ok::<_, StoreError>((key, here, there, now))
    };
    let looked: Vec<_> = stream::iter(missing).map(look).buffer_unordered(stores.at_once).try_collect().await?;
    let mut to_end = Vec::new();
    for (key, here, there, now) in looked {
        if is_to_end(&journal.known(&key)?, &here, &there, now) {
            to_end.push(key);
        }
    }
    Ok(to_end)
}

#[cfg(test)]
mod tests {
    use super::{Copied, are_many};

    #[test]
    fn many_sessions_end_only_on_request() {
        for (row, ending, all, met, expected) in [
            ("nothing", 0, 0, 0, false),
            ("a few of many", 20, 400, 380, false),
            ("the hundred that may", 100, 400, 300, false),
            ("more than that, and than a tenth", 101, 400, 299, true),
            ("more than that, and a tenth", 1_000, 10_000, 9_000, false),
            ("a few, and nothing else was ever copied", 10, 10, 0, false),
            ("all that were ever copied: another store?", 60, 60, 0, true),
            ("all but one", 60, 61, 1, false),
        ] {
            assert_eq!(are_many(ending, Copied { all, met }), expected, "{row}");
        }
    }
}
