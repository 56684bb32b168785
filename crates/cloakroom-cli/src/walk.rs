//! All sessions of a store, one after the other.

use std::collections::HashSet;
use std::time::Duration;

use cloakroom::{AnyStore, Clock as _, Cursor, Page, Scanned, Store as _, StoreError, StoreKey, SystemClock};

/// How long a page may take: nobody's request waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many sessions to ask for at a time.
pub(crate) const PAGE: usize = 500;

/// A walk through a store, which names each session once and each damaged one once.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    store: &'a AnyStore,
    limit: usize,
    next: Next,
    seen: HashSet<StoreKey>,
}

#[derive(Debug)]
enum Next {
    Begin,
    At(Cursor),
    Over,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(store: &'a AnyStore, limit: usize) -> Self {
        Self { store, limit, next: Next::Begin, seen: HashSet::new() }
    }

    /// The next page; nothing at the end. Stores that walk through a table that changes its size may name a session twice.
    pub(crate) async fn page(&mut self) -> Result<Option<Page>, StoreError> {
        let after = match &self.next {
            Next::Begin => None,
            Next::At(cursor) => Some(cursor),
            Next::Over => return Ok(None),
        };
        let scan = self.store.scan(after, self.limit, SystemClock.now());
        let mut page = within(scan).await?;
        self.next = page.next.clone().map_or(Next::Over, Next::At);
        page.sessions.retain(|scanned| self.seen.insert(scanned.key));
        page.damaged.retain(|key| self.seen.insert(*key));
        Ok(Some(page))
    }

    /// Which sessions there were so far.
    pub(crate) const fn seen(&self) -> &HashSet<StoreKey> {
        &self.seen
    }
}

/// Calls `each` with every live session; says which ones are damaged.
pub(crate) async fn all(store: &AnyStore, mut each: impl FnMut(&Scanned)) -> Result<Vec<StoreKey>, StoreError> {
    let mut walk = Walk::new(store, PAGE);
    let mut damaged = Vec::new();
    while let Some(page) = walk.page().await? {
        page.sessions.iter().for_each(&mut each);
        damaged.extend(page.damaged);
    }
    Ok(damaged)
}

/// A call of a store, with an end.
pub(crate) async fn within<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, call).await.unwrap_or(Err(StoreError::timed_out()))
}
