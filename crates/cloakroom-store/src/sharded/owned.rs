//! The sessions of an owner in all shards, merged by age.
//!
//! Each shard returns a page that is sorted by age, and the cursor of its next page. The merged
//! page has the oldest sessions of these pages. A shard whose page is used in part is asked again
//! for the number of sessions that are used, because only the shard knows the cursor after them.
//! The sessions of this second answer are in the merged page, so that none is missed if others end
//! in between.

use cloakroom_session::Timestamp;
use futures_util::future::try_join_all;

use super::ShardedStore;
use super::cursor::Step;
use crate::entry::OwnedSession;
use crate::error::StoreError;
use crate::pages::OwnedPage;
use crate::scan::Cursor;
use crate::store::Store;

/// Returns the progress of a walk in each shard.
fn read(cursor: Option<&Cursor>, shards: usize) -> Result<Vec<Step>, StoreError> {
    let Some(cursor) = cursor else { return Ok(vec![Step::Beginning; shards]) };
    let steps: Option<Vec<_>> = cursor.as_str().split('.').map(Step::read).collect();
    steps.filter(|steps| steps.len() == shards).ok_or_else(StoreError::foreign_cursor)
}

/// Returns the cursor, or `None` at the end of the walk.
fn cursor(steps: &[Step]) -> Option<Cursor> {
    let texts: Vec<String> = steps.iter().map(Step::to_string).collect();
    steps.iter().any(|step| *step != Step::Done).then(|| Cursor::new(texts.join(".")))
}

/// A page of one shard.
struct Part {
    /// The progress before this page.
    step: Step,
    sessions: Vec<OwnedSession>,
    next: Option<Cursor>,
}

impl Part {
    fn step_after(next: Option<Cursor>) -> Step {
        next.map_or(Step::Done, Step::After)
    }
}

impl<S: Store> ShardedStore<S> {
    pub(super) async fn merged_page(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let steps = read(after, self.shards.len())?;
        let stores = || self.shards.iter().map(|shard| &shard.store);
        let parts = stores().zip(steps).map(|(store, step)| part(store, owner, step, limit.max(1), now));
        let parts = try_join_all(parts).await?;
        let used = used(&parts, limit.max(1));
        let again = stores().zip(parts).zip(used).map(|((store, part), used)| taken(store, owner, part, used, now));
        let (sessions, steps): (Vec<_>, Vec<_>) = try_join_all(again).await?.into_iter().unzip();
        let mut sessions: Vec<_> = sessions.into_iter().flatten().collect();
        sessions.sort_by_key(|own| own.entry.created);
        Ok(OwnedPage::new(sessions, cursor(&steps)))
    }
}

/// Returns how many sessions of each page are among the oldest.
fn used(parts: &[Part], limit: usize) -> Vec<usize> {
    let mut used = vec![0; parts.len()];
    for _ in 0..limit {
        let heads = parts.iter().zip(&used).map(|(part, used)| part.sessions.get(*used));
        // Behind a page that has ended, older sessions may follow than those of other shards.
        if heads.clone().zip(parts).any(|(head, part)| head.is_none() && part.next.is_some()) {
            break;
        }
        let oldest = heads.enumerate().filter_map(|(shard, head)| Some((head?.entry.created, shard))).min();
        match oldest.and_then(|(_, shard)| used.get_mut(shard)) {
            Some(count) => *count += 1,
            None => break,
        }
    }
    used
}

/// Asks a shard for pages until one has a session.
async fn part<S: Store>(
    store: &S,
    owner: &str,
    mut step: Step,
    limit: usize,
    now: Timestamp,
) -> Result<Part, StoreError> {
    loop {
        let within = match &step {
            Step::Beginning => None,
            Step::After(cursor) => Some(cursor),
            Step::Done => return Ok(Part { step, sessions: Vec::new(), next: None }),
        };
        let page = store.owned(owner, within, limit, now).await?;
        match page.next {
            Some(next) if page.sessions.is_empty() => step = Step::After(next),
            next => return Ok(Part { step, sessions: page.sessions, next }),
        }
    }
}

/// Returns the first sessions of a page, and the progress after them.
async fn taken<S: Store>(
    store: &S,
    owner: &str,
    part: Part,
    used: usize,
    now: Timestamp,
) -> Result<(Vec<OwnedSession>, Step), StoreError> {
    if used == part.sessions.len() {
        return Ok((part.sessions, Part::step_after(part.next)));
    }
    if used == 0 {
        return Ok((Vec::new(), part.step));
    }
    let within = match &part.step {
        Step::After(cursor) => Some(cursor),
        Step::Beginning | Step::Done => None,
    };
    let page = store.owned(owner, within, used, now).await?;
    Ok((page.sessions, Part::step_after(page.next)))
}
