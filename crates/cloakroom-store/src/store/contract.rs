//! The `Store` trait: a versioned register with expiry.

use std::fmt;
use std::future::Future;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use crate::checkup::Checkup;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::feed::Feed;
use crate::pages::{Ended, EndedPage, OwnedPage};
use crate::scan::{Cursor, Page};

/// The result of [`Store::load`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide about each of them")]
pub enum Loaded {
    /// A session.
    Live(Version, Entry),
    /// A tombstone: the session has recently moved to another id.
    Moved,
    /// No session, or an expired one.
    Absent,
}

/// The result of [`Store::create`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide about each of them")]
pub enum Created {
    /// The entry was created, with this version.
    Yes(Version),
    /// The key is taken, and nothing was changed.
    Taken,
}

/// The result of [`Store::replace`] and [`Store::cycle`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide about each of them")]
pub enum Replaced {
    /// The entry was written, with this version.
    Yes(Version),
    /// The store holds a version that the caller hasn't seen.
    Conflict,
    /// The session has ended or moved.
    Gone,
}

/// A register with versions, compare-and-set and expiry, one entry per session.
///
/// Each method is one atomic step: concurrent calls take effect one after the other. The
/// conformance suite (feature `conformance`) decides whether a store is correct. The current time
/// is passed in as `now`. A store that expires entries by its own clock **must not** do so before
/// the deadline, and **must not** return an entry after it.
///
/// Deadlines may reach the end of [`Timestamp`] and must not overflow. Owners are compared byte by
/// byte. The empty string is a valid owner.
///
/// If a method returns an error, its effect may have happened in full or not at all. Callers may
/// retry.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    label = "a session store is needed here",
    note = "`connect(url).await?` returns a store for any URL; a custom store implements `Store`"
)]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Loads the entry stored under `key`.
    ///
    /// **Must not** create or extend anything. An expired entry is [`Loaded::Absent`].
    fn load(&self, key: &StoreKey, now: Timestamp) -> impl Future<Output = Result<Loaded, StoreError>> + Send;

    /// Loads the entry as [`Store::load`] does, but never from a cache.
    ///
    /// The answer **must** include every write that was acknowledged to any process before the
    /// call. It is used after a conflict, and by
    /// [`Session::refresh`](cloakroom_session::Session::refresh). A store without a cache keeps the
    /// default, which calls `load`. A wrapper **must** pass it on as such.
    fn load_latest(&self, key: &StoreKey, now: Timestamp) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        self.load(key, now)
    }

    /// Stores a new entry under `key`, with the version of [`Entry::next_version`].
    ///
    /// **Must** return [`Created::Taken`] and change nothing if a live entry or a tombstone is
    /// stored there. **Must** accept an entry whose deadline has already passed; such an entry is
    /// never returned by `load`.
    fn create(
        &self,
        key: &StoreKey,
        entry: &Entry,
        now: Timestamp,
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;

    /// Replaces the version `seen` with `entry`.
    ///
    /// The new version is that of [`Entry::next_version`].
    ///
    /// Versions **must** be compared as a whole, and **must not** be counted by the store. After a
    /// failover that lost acknowledged writes, a store that counts would assign the same number
    /// twice, and a caller that had seen the lost write would overwrite another one.
    ///
    /// `seen` may carry only the version number, without the stored value ([`Version::image`]);
    /// implementations **must** accept that. **Must not** create: if nothing is stored under `key`,
    /// the result is [`Replaced::Gone`].
    fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> impl Future<Output = Result<Replaced, StoreError>> + Send;

    /// Records that the session was used and extends its deadline.
    ///
    /// Returns `false` if there is no such session.
    ///
    /// **Must not** create, **must not** shorten a deadline, **must not** set `touched` back, and
    /// **must not** change the version or the text: a touch never undoes another request's commit,
    /// nor causes a conflict with it. A deadline of `None` removes the existing one.
    fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Moves a session to a new key, and leaves a tombstone under the old one.
    ///
    /// The tombstone expires after `moved_until`.
    ///
    /// The tombstone holds the new key, for use by [`Store::end`] only. `seen` is the version under
    /// the old key, as in [`Store::replace`]. If the new key is taken, as defined at
    /// [`Store::create`], this **must** return an error and change nothing. The new entry gets a
    /// first version, as at [`Store::create`]. A store that cannot do both steps atomically
    /// **must** create first and end second, so that a failure in between loses nothing.
    fn cycle(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Replaced, StoreError>> + Send;

    /// Returns whether [`Store::cycle`] can move a session from one key to the other.
    ///
    /// `StoredSessions` asks before a move, and derives other ids until one has a key that the
    /// store accepts. A store that keeps its keys in several places thereby moves a session within
    /// one place, in one atomic step. **Must** depend on nothing but the two keys, and **must**
    /// accept at least one key in about a thousand. The default accepts every key.
    fn can_cycle(&self, old: &StoreKey, new: &StoreKey) -> bool {
        let _ = (old, new);
        true
    }

    /// Ends a session. Returns `true` exactly if a live one was ended.
    ///
    /// Callers pass [`time_for_ends`](super::time_for_ends), so that a session which has just
    /// expired by the clock of this process, and not by that of another one, is ended as well.
    ///
    /// If the session has moved, this **must** end it under its new key, and follow any number of
    /// tombstones to it: a sign-out takes effect even if its id is two moves old.
    fn end(&self, key: &StoreKey, now: Timestamp) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Deletes at most `limit` expired entries and tombstones. Returns their number.
    ///
    /// A store that expires entries by itself has nothing to do.
    fn sweep(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<usize, StoreError>> + Send {
        let _ = (now, limit);
        async { Ok(0) }
    }

    /// Returns a page of an owner's live sessions, oldest first.
    ///
    /// `after` is the cursor of the previous page.
    ///
    /// An owner may have any number of sessions, so they are read in pages. From the first page to
    /// the one without a `next`:
    ///
    /// - A session that is live during the entire walk **must** be in one of the pages. A session
    ///   that moves during the walk **must** also be in one of them, under its old key, its new key
    ///   or both: otherwise "sign out everywhere" would miss it.
    /// - A page has at most `limit` sessions. It may have fewer, or none.
    /// - A cursor that this store didn't return **must** be an error.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] if the store has no owner index.
    fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<OwnedPage, StoreError>> + Send {
        let _ = (owner, after, limit, now);
        async { Err(StoreError::unsupported("a list of an owner's sessions")) }
    }

    /// Counts an owner's live sessions, and stops at `at_most`.
    ///
    /// The answer is never larger than `at_most`. A session that moves during the count may be
    /// counted twice. A store with an index **should** answer from the index alone, in a time that
    /// depends on `at_most` and not on the number of sessions; this default reads pages.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] if the store has no owner index.
    fn count_owned(
        &self,
        owner: &str,
        at_most: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send {
        async move {
            let (mut count, mut after) = (0, None);
            loop {
                let page = self.owned(owner, after.as_ref(), 100, now).await?;
                count += page.sessions.len();
                after = page.next;
                if after.is_none() || count >= at_most {
                    return Ok(count.min(at_most));
                }
            }
        }
    }

    /// Ends at most `limit` of an owner's sessions, oldest first, except `keep`.
    ///
    /// This is one bounded step: callers repeat it while there are [more](Ended::more). This
    /// default reads a page and ends its sessions one after the other.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] if the store has no owner index.
    fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<Ended, StoreError>> + Send {
        async move {
            let (mut ended, mut left, mut after) = (0, limit, None);
            loop {
                let page = self.owned(owner, after.as_ref(), left.saturating_add(1), now).await?;
                for owned in page.sessions.into_iter().filter(|owned| keep != Some(&owned.key)) {
                    if left == 0 {
                        return Ok(Ended::new(ended, true));
                    }
                    // A session that has ended since it was listed still counts towards the limit
                    // of this step.
                    ended += usize::from(self.end(&owned.key, now).await?);
                    left -= 1;
                }
                after = page.next;
                if after.is_none() {
                    return Ok(Ended::new(ended, false));
                }
            }
        }
    }

    /// Ends sessions created before `point`: one step of a walk through the store.
    ///
    /// Callers pass the `next` of the previous step as `after` until a step has no `next`. By then
    /// all of these sessions **must** have ended, including those that moved during the walk. A
    /// step is bounded: it **should** take milliseconds however large the store is. If a caller
    /// stops early, the ended sessions stay ended, and the walk can continue from its last cursor
    /// or start again. A cursor that this store didn't return **must** be an error.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] if the store doesn't offer this.
    fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> impl Future<Output = Result<EndedPage, StoreError>> + Send {
        let _ = (point, after, now);
        async { Err(StoreError::unsupported("ending all sessions")) }
    }

    /// Returns a page of all live sessions, in the store's preferred order.
    ///
    /// `after` is the cursor of the previous page.
    ///
    /// For tools that list, count or copy sessions. **Must not** create, extend or delete anything.
    /// From the first page to the one without a `next`:
    ///
    /// - A session that is live during the entire walk **must** be in at least one page; it may be
    ///   in two. A session that is created, moves or ends during the walk may be in one page or in
    ///   none.
    /// - Expired sessions and tombstones **must not** be in any page. Damaged entries **must** be
    ///   named, and **must not** stop the walk.
    /// - A page aims at `limit` entries. It may have fewer, or none, and a few more if the store's
    ///   internal steps are coarser. It **must not** have several times that number.
    /// - The walk **must** terminate, and the same cursor **must** continue at the same place each
    ///   time. A cursor that this store didn't return **must** be an error.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] if the store doesn't offer this.
    fn scan(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send {
        let _ = (after, limit, now);
        async { Err(StoreError::unsupported("a walk through all sessions")) }
    }

    /// Reports the state of the store's server, for operators.
    ///
    /// The report covers durability, eviction, replication and the clock.
    ///
    /// **Must not** change anything. Information that the server refuses to give **must** be one of
    /// the findings, and not an error.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] if the store has no report.
    fn checkup(&self) -> impl Future<Output = Result<Checkup, StoreError>> + Send {
        async { Err(StoreError::unsupported("a check-up")) }
    }

    /// Returns the feed of hints about changed sessions.
    ///
    /// With a feed, [`Session::ended`](cloakroom_session::Session::ended) resolves at once instead
    /// of at the next check. **Must** be cheap, and **must** return the same feed each time. A
    /// store **must not** have a feed that can lose hints without announcing it. A wrapper passes
    /// on the feed of the wrapped store, unless it maps keys: then it must map those of the hints,
    /// too, or have no feed. The default is none.
    fn feed(&self) -> Option<Feed> {
        None
    }
}
