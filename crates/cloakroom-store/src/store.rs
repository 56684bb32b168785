//! What a store is: a versioned register with expiry. The trait alone.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use cloakroom_session::{Record, StoreKey, Timestamp, Version};

use crate::at_rest;
use crate::checkup::Checkup;
use crate::contents::Contents;
use crate::error::StoreError;
use crate::scan::{Cursor, Page};
use crate::walks::{Ended, EndedPage, OwnedPage};

/// What a store keeps under a key: the record, and the facts that it must be able to act on.
///
/// # Security
/// `Debug` prints names and sizes of what is kept, never what it says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    contents: Contents,
    /// When the session was created.
    pub created: Timestamp,
    /// When it was last used, as far as was written down.
    pub touched: Timestamp,
    /// Valid up to and including this point; `None` is for ever.
    pub deadline: Option<Timestamp>,
    /// Whose session it is.
    pub owner: Option<String>,
}

impl Entry {
    /// An entry of these parts, as a store has read them. It doesn't look into the text.
    #[must_use]
    pub const fn new(text: Arc<str>, created: Timestamp, touched: Timestamp, deadline: Option<Timestamp>) -> Self {
        Self { contents: Contents::read(text), created, touched, deadline, owner: None }
    }

    /// Whose session it is.
    #[must_use]
    pub fn owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// What a record becomes in a store.
    #[must_use]
    pub fn of(record: impl Into<Arc<Record>>) -> Self {
        let record = record.into();
        let clockwork = record.clockwork();
        let (created, touched, deadline) = (clockwork.created, clockwork.touched, clockwork.ends());
        let owner = record.owner().map(str::to_owned);
        Self { contents: Contents::made(record), created, touched, deadline, owner }
    }

    /// The record, as it is written. Made when it is asked for the first time: a store that keeps
    /// entries as they are never needs it.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        self.contents.text()
    }

    /// The same entry with another text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Arc<str>>) -> Self {
        self.contents = Contents::read(text.into());
        self
    }

    /// The entry that a wrapped store keeps instead. Its versions are those of this one.
    pub(crate) fn packed(&self, text: String, owner: Option<String>) -> Self {
        Self { contents: Contents::Packed(text.into(), self.contents.tag()), owner, ..*self }
    }

    /// The record, with what touches have changed since it was written. `key` is for the error.
    ///
    /// # Errors
    /// [`StoreError::is_corrupt`] where the text isn't a record of ours.
    pub fn record(&self, key: &StoreKey) -> Result<Arc<Record>, StoreError> {
        let no_record = || match self.is_encrypted() {
            true => StoreError::unreadable(*key, "it is encrypted, and the store has no keyring for records"),
            false => StoreError::corrupt(*key),
        };
        let mut record = Arc::clone(self.contents.record().ok_or_else(no_record)?);
        // Touches are kept beside the record. The entry's deadline is the earlier one of two, so it
        // never shortens the idle one.
        let there = record.clockwork();
        let idle = there.idle_deadline.map(|idle| self.deadline.map_or(idle, |deadline| idle.max(deadline)));
        if (there.touched, there.idle_deadline) != (self.touched, idle) {
            Arc::make_mut(&mut record).restore_touch(self.touched, idle);
        }
        Ok(record)
    }

    /// Returns `true` if the text is an encrypted record.
    ///
    /// A [`PackedStore`](crate::PackedStore) keeps such records in the store that it wraps.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        at_rest::is_encrypted(self.text())
    }

    /// The version that a store **must** give to this entry: the first one under its key, or the
    /// one that replaces `seen`.
    ///
    /// It has a tag from the commit that marked the record last, or of the text if there is none:
    /// no two writes that differ share a version, also not after the store has lost some (see
    /// [`Version`]).
    #[must_use]
    pub fn next_version(&self, seen: Option<&Version>) -> Version {
        let tag = self.contents.tag();
        seen.map_or_else(|| Version::first(tag), |seen| Version::after(seen, tag))
    }

    /// Whether it has ended by itself at this point.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }

    /// The same entry in the smallest form, for a session that may never be used again.
    pub(crate) fn cold(&self) -> Self {
        self.but_with(self.contents.cold())
    }

    /// The same entry, to be kept in memory: with its record, unless that keeps more alive than it
    /// needs.
    pub(crate) fn compact(&self) -> Self {
        self.but_with(self.contents.compact())
    }

    /// The same entry, which has its record at hand from now on if it wasn't damaged.
    pub(crate) fn warm(&self) -> &Self {
        let _ = self.contents.record();
        self
    }

    /// Whether the record is in memory, as that of every session that was read or written since it
    /// was created.
    pub(crate) fn is_warm(&self) -> bool {
        self.contents.is_warm()
    }

    fn but_with(&self, contents: Contents) -> Self {
        Self { contents, owner: self.owner.clone(), ..*self }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("contents", &self.contents)
            .field("created", &self.created)
            .field("touched", &self.touched)
            .field("deadline", &self.deadline)
            .field("owned", &self.owner.is_some())
            .finish()
    }
}

/// What was found under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide about each of them")]
pub enum Loaded {
    /// A session.
    Live(Version, Entry),
    /// A session was here a moment ago, and has another id now.
    Moved,
    /// Nothing, or something that has ended.
    Absent,
}

/// What became of a new entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide about each of them")]
pub enum Created {
    /// It is there, at this version.
    Yes(Version),
    /// Something else is there: the key is taken.
    Taken,
}

/// What became of an entry that was to take another one's place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide about each of them")]
pub enum Replaced {
    /// It is there, at this version.
    Yes(Version),
    /// A version is there that the caller hasn't seen.
    Conflict,
    /// The session has ended or moved.
    Gone,
}

/// A session in the list of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owned {
    /// Its key.
    pub key: StoreKey,
    /// What is kept under it.
    pub entry: Entry,
}

impl Owned {
    /// An entry and its key.
    #[must_use]
    pub const fn new(key: StoreKey, entry: Entry) -> Self {
        Self { key, entry }
    }
}

/// A register with versions, compare-and-swap and expiry, one entry per session.
///
/// Each method is one atomic step: of two callers at the same time, one comes first. Whether a
/// store is right, the conformance suite decides (feature `conformance`). `now` is passed in; a
/// store that expires entries with a clock of its own **must not** do it before the deadline, and
/// **must not** return an entry after it.
///
/// Deadlines go up to the end of [`Timestamp`]; none may overflow. An owner is compared byte by
/// byte, and an empty one is an owner.
///
/// A method that returns an error may have been carried out or not, whole or not at all. Callers
/// may try again.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// What is under a key.
    ///
    /// **Must not** create or extend anything. An entry past its deadline is [`Loaded::Absent`].
    fn load(&self, key: &StoreKey, now: Timestamp) -> impl Future<Output = Result<Loaded, StoreError>> + Send;

    /// Puts a new entry under a key, at the version of [`Entry::next_version`].
    ///
    /// **Must** be [`Created::Taken`] if a live entry or a moved mark is there, and leave it as it
    /// is. An entry whose deadline has passed already is accepted, and is absent from then on.
    fn create(
        &self,
        key: &StoreKey,
        entry: &Entry,
        now: Timestamp,
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;

    /// Puts an entry in the place of the version that the caller has seen, at the version of
    /// [`Entry::next_version`].
    ///
    /// Versions **must** be compared as wholes, and **must not** be counted by the store: one that
    /// went back in time, as after a failover that lost acknowledged writes, would give a number
    /// twice, and a caller that has seen the lost write would overwrite another one.
    ///
    /// What the caller has seen may be a number alone, without an [image](Version::image): it
    /// **must** do. **Must not** create: where nothing is, it is [`Replaced::Gone`].
    fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> impl Future<Output = Result<Replaced, StoreError>> + Send;

    /// Says that the session was used, and extends its deadline; says whether it is there.
    ///
    /// **Must not** create, **must not** shorten a deadline, **must not** set `touched` back, and
    /// **must not** change the version or the text: a touch never undoes another request's commit,
    /// nor stands in its way. A deadline of `None` is for ever, and takes away the one that is
    /// there.
    fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Moves a session: puts an entry under the new key, and leaves a mark under the old one until
    /// `moved_until`.
    ///
    /// The mark knows the new key, for [`Store::end`] alone. As [`Store::replace`], with the
    /// version that the caller has seen under the old key. If the new key is taken, as for
    /// [`Store::create`], it **must** be an error, and nothing may have changed. The new entry has
    /// a version as at [`Store::create`]. Where a store can't do both at once, it **must** create
    /// first and end second, so that a failure in between loses nothing.
    fn cycle(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Replaced, StoreError>> + Send;

    /// Ends a session for good; returns `true` exactly if a live one was ended.
    ///
    /// Where it has moved, **must** end it where it has moved to, over as many marks as lead there:
    /// a sign-out may carry an id that is two moves old, and takes effect all the same.
    fn end(&self, key: &StoreKey, now: Timestamp) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes at most `limit` entries and marks whose time is over; says how many there were.
    ///
    /// Stores that expire by themselves have nothing to do.
    fn sweep(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<usize, StoreError>> + Send {
        let _ = (now, limit);
        async { Ok(0) }
    }

    /// A page of an owner's live sessions, oldest first; `after` is where the page before ended.
    ///
    /// An owner may have any number of sessions, so they are never read in one piece. From the
    /// first page to one without a `next`:
    ///
    /// - A session that is live all that time **must** be in one of the pages. One that moves
    ///   meanwhile **must** be in one of them too, under its old key, its new one or both:
    ///   otherwise "sign out everywhere" would leave it.
    /// - A page has at most `limit` sessions. It may have fewer, and none at all.
    /// - A cursor that the store didn't give **must** be an error.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] where the store has no index of owners.
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

    /// The number of an owner's live sessions.
    ///
    /// Sessions that move meanwhile may be counted twice. A store with an index **should** answer
    /// from the index alone; this default reads all pages.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] where the store has no index of owners.
    fn count_owned(&self, owner: &str, now: Timestamp) -> impl Future<Output = Result<usize, StoreError>> + Send {
        async move {
            let (mut count, mut after) = (0, None);
            loop {
                let page = self.owned(owner, after.as_ref(), 100, now).await?;
                count += page.sessions.len();
                after = page.next;
                if after.is_none() {
                    return Ok(count);
                }
            }
        }
    }

    /// Ends at most `limit` of an owner's sessions, the oldest first, and never the one under
    /// `keep`.
    ///
    /// One bounded step: callers repeat it as long as there are [more](Ended::more). This default
    /// reads a page and ends its sessions one after the other.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] where the store has no index of owners.
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
                    // One that has ended meanwhile needs no end, but it was one of this step.
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

    /// Ends sessions that were created before `point`: one step of a walk through the whole store.
    ///
    /// Callers repeat it with `after`, the place where the step before ended, until there is no
    /// `next`. Then all of them **must** have ended, those that moved meanwhile too. A step is
    /// bounded: it **should** take milliseconds, whatever the store holds. Where a caller gives up,
    /// ended sessions stay ended, and the walk goes on from its last cursor or begins anew.
    /// A cursor that the store didn't give **must** be an error.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] where the store can't.
    fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> impl Future<Output = Result<EndedPage, StoreError>> + Send {
        let _ = (point, after, now);
        async { Err(StoreError::unsupported("ending all sessions")) }
    }

    /// A page of all live sessions, in whatever order suits the store; `after` is where the page
    /// before ended.
    ///
    /// For tools that list, count or move sessions. **Must not** create, extend or remove anything.
    /// From the first page to one without a `next`:
    ///
    /// - A session that is live all that time **must** be in one of the pages at least; it may be
    ///   in two. One that begins, moves or ends meanwhile may be in one or in none.
    /// - What is over, and moved marks, **must not** be in any. What is damaged **must** be named,
    ///   and **must not** stop the walk.
    /// - A page aims at `limit` entries. It may have fewer, and none at all, and a few more where
    ///   the store's own steps are coarser; it **must not** have several times as many.
    /// - The walk **must** come to its end, and the same `after` **must** lead on from the same
    ///   place each time. One that the store didn't give **must** be an error.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] where the store can't.
    fn scan(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send {
        let _ = (after, limit, now);
        async { Err(StoreError::unsupported("a walk through all sessions")) }
    }

    /// What the store's server says of itself, for whoever operates it: is it durable, does it
    /// evict, is it replicated, what time is it there.
    ///
    /// **Must not** change anything. What the server refuses to tell **must** be among the
    /// findings, and not an error.
    ///
    /// # Errors
    /// [`StoreError::is_unsupported`] where the store has nothing to say.
    fn checkup(&self) -> impl Future<Output = Result<Checkup, StoreError>> + Send {
        async { Err(StoreError::unsupported("a check-up")) }
    }
}
