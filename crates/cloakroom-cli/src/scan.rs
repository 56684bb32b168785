//! Iteration over all sessions of a store.

use std::collections::HashSet;
use std::time::Duration;

use cloakroom::store::{Cursor, Page, ScannedSession, Store as _, StoreError, StoreKey};
use cloakroom::{AnyStore, Clock as _, SystemClock};

/// The time limit of a page. It is generous because no request waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of sessions per page.
pub(crate) const PAGE: usize = 500;

/// An iteration over a store, page by page.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    store: &'a AnyStore,
    limit: usize,
    next: Next,
}

#[derive(Debug)]
enum Next {
    Begin,
    At(Cursor),
    Over,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(store: &'a AnyStore, limit: usize) -> Self {
        Self { store, limit, next: Next::Begin }
    }

    /// Returns the next page, or `None` at the end. A store whose table is resized during iteration
    /// may return a session twice.
    pub(crate) async fn page(&mut self) -> Result<Option<Page>, StoreError> {
        let after = match &self.next {
            Next::Begin => None,
            Next::At(cursor) => Some(cursor),
            Next::Over => return Ok(None),
        };
        let scan = self.store.scan(after, self.limit, SystemClock.now());
        let page = within(scan).await?;
        self.next = page.next.clone().map_or(Next::Over, Next::At);
        Ok(Some(page))
    }
}

/// The sessions that a scan couldn't read.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    pub(crate) damaged: Vec<StoreKey>,
    /// The number of encrypted records that don't open.
    pub(crate) locked: u64,
}

/// Calls `each` with every live session, once, including those whose encrypted records don't open,
/// and without the entries of aliases.
/// Remembers all keys, at 50 bytes each.
pub(crate) async fn all(store: &AnyStore, mut each: impl FnMut(&ScannedSession)) -> Result<Unread, StoreError> {
    let mut scan = Scan::new(store, PAGE);
    let (mut seen, mut unread) = (HashSet::new(), Unread::default());
    while let Some(mut page) = scan.page().await? {
        page.sessions.retain(|scanned| !scanned.entry.is_alias());
        page.locked.retain(|scanned| !scanned.entry.is_alias());
        page.sessions.iter().filter(|scanned| seen.insert(scanned.key)).for_each(&mut each);
        for scanned in page.locked.iter().filter(|scanned| seen.insert(scanned.key)) {
            unread.locked += 1;
            each(scanned);
        }
        unread.damaged.extend(page.damaged.into_iter().filter(|key| seen.insert(*key)));
    }
    Ok(unread)
}

/// Returns `true` if the first page of a walk has encrypted records that don't open.
pub(crate) async fn has_locked(store: &AnyStore) -> Result<bool, StoreError> {
    Ok(Scan::new(store, PAGE).page().await?.is_some_and(|page| !page.locked.is_empty()))
}

/// Runs a call to a store with a time limit.
pub(crate) async fn within<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, call).await.unwrap_or(Err(StoreError::timed_out()))
}
