//! Walks that list all sessions of an owner or end many sessions, in bounded steps.

use cloakroom_session::Timestamp;

use crate::entry::OwnedSession;
use crate::error::StoreError;
use crate::skew::time_for_ends;
use crate::store::Store;

/// The number of an owner's sessions in one step.
const PAGE: usize = 100;

/// Loads all live sessions of an owner, page by page, oldest first.
///
/// A session that moves during the walk may appear twice, under its old and its new key.
///
/// # Errors
/// As [`Store::owned`].
pub async fn all_owned<S: Store>(store: &S, owner: &str, now: Timestamp) -> Result<Vec<OwnedSession>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.owned(owner, after.as_ref(), PAGE, now).await?;
        all.extend(page.sessions);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Ends all sessions created before `point`, step by step. Returns their number.
///
/// # Errors
/// As [`Store::end_before`]. Sessions already ended stay ended.
pub async fn end_all_before<S: Store>(store: &S, point: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
    let (mut ended, mut after) = (0, None);
    loop {
        let page = store.end_before(point, after.as_ref(), time_for_ends(now)).await?;
        ended += page.count;
        after = page.next;
        if after.is_none() {
            return Ok(ended);
        }
    }
}
