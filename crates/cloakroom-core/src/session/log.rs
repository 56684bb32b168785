//! The changes of a handler, in order, and their replay on a newer version.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::apply::reapply;
use super::change::{Change, Effect, Lifetime, Updater};
use super::fold;
use super::reads::Reads;
use crate::error::Error;
use crate::json::Text;
use crate::record::{Duplicates, FlashId, Record};

/// The rule for two requests that change the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictPolicy {
    /// The last commit wins, for that key only.
    #[default]
    LastWriteWins,
    /// The last commit fails with an error that names the key, and stores nothing.
    ///
    /// Keys that the request read count as well as keys that it set, removed or cleared.
    Strict,
}

/// The changes of a handler, in order, and the keys that it read.
///
/// Changes without an effect are kept too, because they may have one on a newer version.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    changes: Vec<Change>,
    effective: bool,
    /// The number of changes at the start that belong to a running commit. They are never folded
    /// with later ones, so that the later ones can be separated when the commit is done.
    sealed: usize,
    /// The length at which the log is folded next.
    fold_at: usize,
    reads: Reads,
}

/// The result of replaying a change log on a newer version of its record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// The newer version with the changes applied.
    pub record: Record,
    /// A key that the handler read and then set, although another request changed it in between.
    /// The other request's value is lost; `update` keeps both.
    pub overwritten: Option<Text>,
}

/// Names the changed keys and parts of the session, without values, for traces.
impl fmt::Display for ChangeLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 8;
        let mut parts: Vec<Cow<'_, str>> = Vec::new();
        for change in &self.changes {
            let part = change.part();
            if parts.contains(&part) {
                continue;
            }
            if parts.len() == MOST {
                return write!(f, "{}, …", parts.join(", "));
            }
            parts.push(part);
        }
        f.write_str(&parts.join(", "))
    }
}

impl ChangeLog {
    pub(crate) const EMPTY: Self =
        Self { changes: Vec::new(), effective: false, sealed: 0, fold_at: 0, reads: Reads::EMPTY };

    pub(crate) fn record(&mut self, change: Change, effect: Effect) {
        self.effective |= effect == Effect::Changed;
        self.changes.push(change);
        if self.changes.len() >= self.fold_at.max(fold::FIRST) {
            self.fold();
        }
    }

    /// Folds the changes that belong to no commit yet. The log is folded again when its length has
    /// doubled, so that the amortized cost per change is constant.
    fn fold(&mut self) {
        let later = self.changes.split_off(self.sealed.min(self.changes.len()));
        self.changes.extend(fold::fold(later));
        self.fold_at = self.changes.len() * 2;
    }

    /// Records that the handler read the value of `key` as it was in the opened record.
    pub(crate) fn read(&mut self, key: &str) {
        if !self.sets(key) {
            self.reads.add(key);
        }
    }

    /// Records that the handler read all values.
    pub(crate) const fn read_all(&mut self) {
        self.reads.add_all();
    }

    /// Returns `true` if this log wrote the current value of `key`.
    fn sets(&self, key: &str) -> bool {
        let sets = |change: &Change| matches!(change, Change::Set { key: set, .. } | Change::Update { key: set, .. } if set.as_str() == key);
        self.changes.iter().any(sets)
    }

    /// Returns `true` if a change had an effect on the record that the handler saw.
    #[must_use]
    pub const fn is_effective(&self) -> bool {
        self.effective
    }

    /// Returns the number of changes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.changes.len()
    }

    /// Returns `true` if there are no changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns `true` if the browser needs the cookie again, even without a new id.
    pub(crate) fn asks_for_cookie(&self) -> bool {
        let asks = |change: &Change| matches!(change, Change::Reissue | Change::Lifetime(_));
        self.changes.iter().any(asks)
    }

    /// Returns `true` if a change needs a stored session, even if the session is otherwise empty.
    pub(crate) fn asks_for_record(&self) -> bool {
        let forgets = |change: &Change| matches!(change, Change::Lifetime(Lifetime::Forget { .. }));
        let asks = |change: &Change| matches!(change, Change::Reissue | Change::Label { .. } | Change::Lifetime(_));
        self.changes.iter().any(|change| asks(change) && !forgets(change))
    }

    /// Returns `true` if the handler requested a new id.
    pub(crate) fn cycles(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Cycle { .. }))
    }

    /// Returns the messages that may have been suppressed because their queue had an equal one.
    ///
    /// They are added on a newer version in which the equal message is gone.
    pub(crate) fn suppressed(&self, name: &str) -> impl Iterator<Item = FlashId> {
        self.changes.iter().filter_map(move |change| {
            let Change::Flash { queue, id, duplicates: Duplicates::Suppress, .. } = change else { return None };
            (queue.as_str() == name).then_some(*id)
        })
    }

    /// Returns the closures given to `update`.
    ///
    /// Holding them keeps the values that they own alive.
    #[must_use]
    pub fn closures(&self) -> Vec<Updater> {
        let closure =
            |change: &Change| if let Change::Update { again, .. } = change { Some(Arc::clone(again)) } else { None };
        self.changes.iter().filter_map(closure).collect()
    }

    /// Returns `true` if the next change folds the log, which drops changes.
    #[must_use]
    pub fn folds_next(&self) -> bool {
        self.changes.len() + 1 >= self.fold_at.max(fold::FIRST)
    }

    /// Separates the changes so far from later ones, and returns their number.
    pub(crate) const fn seal(&mut self) -> usize {
        self.sealed = self.changes.len();
        self.sealed
    }

    /// Returns the changes after the first `count`.
    pub(crate) fn since(&self, count: usize) -> Self {
        let changes = self.changes.get(count..).unwrap_or_default().to_vec();
        // It is unknown whether these alone had an effect, so assume that they did.
        let effective = !changes.is_empty();
        Self { changes, effective, ..Self::EMPTY }
    }

    /// Replays all changes on `newest`, a version that another request wrote after `base`.
    ///
    /// On `base` itself the result is the record that the handler saw, provided that the closures
    /// given to `update` are deterministic.
    ///
    /// # Errors
    /// Returns an error if a closure can't read or write its value. Under
    /// [`ConflictPolicy::Strict`], also returns an error if a key that this log read, set, removed
    /// or cleared differs from `base`.
    pub fn replay(&self, base: &Record, newest: &Record, policy: ConflictPolicy) -> Result<Replayed, Error> {
        let differs = |key: &&str| base.get(key) != newest.get(key);
        if policy == ConflictPolicy::Strict
            && let Some(key) = self.conflict(base, newest)
        {
            return Err(Error::conflict(key));
        }
        let overwritten = self.changes.iter().find_map(|change| {
            let Change::Set { key, .. } = change else { return None };
            (self.reads.contains(key.as_str()) && differs(&key.as_str())).then(|| key.clone())
        });
        Ok(Replayed { record: self.run(newest)?, overwritten })
    }

    /// Returns a key that this log depends on under the strict policy and that another request
    /// changed.
    fn conflict<'a>(&'a self, base: &'a Record, newest: &'a Record) -> Option<&'a str> {
        let differs = |key: &&str| base.get(key) != newest.get(key);
        let all = || newest.entries().chain(base.entries()).map(|(key, _)| key);
        let read = all().filter(|key| self.reads.contains(key)).find(differs);
        read.or_else(|| {
            self.changes.iter().find_map(|change| match change {
                Change::Set { key, .. } | Change::Remove { key } => Some(key.as_str()).filter(differs),
                Change::Clear => all().find(differs),
                // These build on any current value.
                Change::SetIfAbsent { .. }
                | Change::Update { .. }
                | Change::Flash { .. }
                | Change::PopFlash { .. }
                | Change::SetCsrf { .. }
                | Change::CsrfIfAbsent { .. }
                | Change::Cycle { .. }
                | Change::Lifetime(_)
                | Change::Own { .. }
                | Change::Label { .. }
                | Change::Alias { .. }
                | Change::Reissue => None,
                #[cfg(feature = "dbsc")]
                Change::Bind { .. } => None,
            })
        })
    }

    /// Replays all changes on `newest`.
    pub(crate) fn run(&self, newest: &Record) -> Result<Record, Error> {
        let mut record = newest.clone();
        for change in &self.changes {
            reapply(&mut record, change)?;
        }
        Ok(record)
    }
}
