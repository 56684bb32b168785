//! What a handler did, in order, and how it is done again on a newer version.

mod fold;
mod reads;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::apply::Effect;
use crate::csrf::CsrfToken;
use crate::error::Error;
use crate::flash::{Duplicates, FlashId};
use crate::lifetimes::Clockwork;
use crate::record::Record;
use crate::text::{Json, Text};
use crate::time::Timestamp;

use reads::Reads;

/// Computes the next value of a key from the one that is there now.
pub type Updater = Arc<dyn Fn(Option<&Json>) -> Result<Json, Error> + Send + Sync>;

/// One thing that a handler did to its session.
#[derive(Clone)]
pub(crate) enum Change {
    Set {
        key: Text,
        value: Json,
    },
    SetIfAbsent {
        key: Text,
        value: Json,
    },
    Remove {
        key: Text,
    },
    /// `value` is what the handler saw; `again` computes it anew on another version.
    Update {
        key: Text,
        value: Json,
        again: Updater,
    },
    Clear,
    Flash {
        queue: Text,
        id: FlashId,
        body: Json,
        duplicates: Duplicates,
        limit: usize,
    },
    /// Removes the messages that the handler received.
    PopFlash {
        queue: Text,
        ids: Vec<FlashId>,
    },
    SetCsrf {
        token: CsrfToken,
    },
    CsrfIfAbsent {
        token: CsrfToken,
    },
    /// Moves the session to a new id. Its CSRF token, if it has one, is replaced as well: a token
    /// that was known before a sign-in must not be good after it.
    Cycle {
        token: CsrfToken,
    },
    Lifetime(Lifetime),
    /// Whose session it is.
    Own {
        owner: Text,
    },
    /// What it is called in its owner's list.
    Label {
        label: Text,
    },
    /// `changed()`: write and send the cookie even if nothing is different.
    Reissue,
}

/// A lifetime that a handler gave to this one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// End it when it wasn't used for so long, counted from `from`.
    Idle { timeout: Option<Duration>, from: Timestamp },
    /// End it at this point.
    Absolute { deadline: Option<Timestamp> },
    /// The factory's own timeouts again, with these deadlines.
    Forget { idle: Option<Timestamp>, absolute: Option<Timestamp> },
    /// Keep it, used or not, until this point, and let its cookie survive the browser session.
    Remember { until: Timestamp },
}

impl Lifetime {
    pub(crate) fn apply(self, clockwork: &mut Clockwork) {
        match self {
            Self::Idle { timeout, from } => {
                clockwork.own_idle = Some(timeout);
                clockwork.idle_deadline = timeout.map(|timeout| from + timeout);
            }
            Self::Absolute { deadline } => clockwork.absolute_deadline = deadline,
            Self::Forget { idle, absolute } => {
                clockwork.own_idle = None;
                clockwork.idle_deadline = idle;
                clockwork.absolute_deadline = absolute;
                clockwork.remembered = false;
            }
            Self::Remember { until } => {
                clockwork.own_idle = Some(None);
                clockwork.idle_deadline = None;
                clockwork.absolute_deadline = Some(until);
                clockwork.remembered = true;
            }
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, at) = match self {
            Self::Set { key, .. } => ("Set", key.as_str()),
            Self::SetIfAbsent { key, .. } => ("SetIfAbsent", key.as_str()),
            Self::Remove { key } => ("Remove", key.as_str()),
            Self::Update { key, .. } => ("Update", key.as_str()),
            Self::Clear => ("Clear", ""),
            Self::Flash { queue, .. } => ("Flash", queue.as_str()),
            Self::PopFlash { queue, .. } => ("PopFlash", queue.as_str()),
            Self::SetCsrf { .. } => ("SetCsrf", ""),
            Self::CsrfIfAbsent { .. } => ("CsrfIfAbsent", ""),
            Self::Cycle { .. } => ("Cycle", ""),
            Self::Lifetime(_) => ("Lifetime", ""),
            Self::Own { .. } => ("Own", ""),
            Self::Label { .. } => ("Label", ""),
            Self::Reissue => ("Reissue", ""),
        };
        f.debug_tuple(name).field(&at).finish()
    }
}

/// The rule for two requests that change the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictPolicy {
    /// The request that commits last wins, on that key alone.
    #[default]
    LastWriteWins,
    /// The request that commits last gets an error that names the key, and nothing of it is stored.
    ///
    /// Keys that it read count as well as keys that it set, removed or cleared.
    Strict,
}

/// The changes that a handler made, in order, and the keys that it read.
///
/// Changes that made no difference are kept too: on a newer version they might.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    changes: Vec<Change>,
    effective: bool,
    /// The changes in front of this index belong to a commit that has begun. They are never folded
    /// with later ones, so that the later ones can be told apart when the commit is done.
    sealed: usize,
    /// The length at which the log is folded next.
    fold_at: usize,
    reads: Reads,
}

/// A change log that was applied to a newer version of its record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// The newer version with the changes applied.
    pub record: Record,
    /// A key that the handler had read and then set, although another request had changed it in
    /// between. The other request's value is lost: `update` is the method that keeps both.
    pub overwritten: Option<Text>,
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

    /// Remembers that the handler read the value of `key` as it was in the opened record.
    pub(crate) fn read(&mut self, key: &str) {
        if !self.sets(key) {
            self.reads.add(key);
        }
    }

    /// Remembers that the handler read all values.
    pub(crate) const fn read_all(&mut self) {
        self.reads.add_all();
    }

    /// Whether the value under `key` is one that this log has written.
    fn sets(&self, key: &str) -> bool {
        let sets = |change: &Change| matches!(change, Change::Set { key: set, .. } | Change::Update { key: set, .. } if set.as_str() == key);
        self.changes.iter().any(sets)
    }

    /// Whether anything made a difference to the record that the handler saw.
    #[must_use]
    pub const fn is_effective(&self) -> bool {
        self.effective
    }

    /// The number of changes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing was changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether the browser needs the cookie again even if it has the id already.
    pub(crate) fn asks_for_cookie(&self) -> bool {
        let asks = |change: &Change| matches!(change, Change::Reissue | Change::Lifetime(_));
        self.changes.iter().any(asks)
    }

    /// Whether the handler asked for something that only a stored session can hold, even if it is
    /// empty otherwise.
    pub(crate) fn asks_for_record(&self) -> bool {
        let forgets = |change: &Change| matches!(change, Change::Lifetime(Lifetime::Forget { .. }));
        let asks = |change: &Change| matches!(change, Change::Reissue | Change::Label { .. } | Change::Lifetime(_));
        self.changes.iter().any(|change| asks(change) && !forgets(change))
    }

    /// Whether the handler asked for a new id.
    pub(crate) fn cycles(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Cycle { .. }))
    }

    /// The messages that may have been left out of a queue because an equal one waited in it.
    ///
    /// On a newer version, in which the equal one is gone, they are added.
    pub(crate) fn suppressed(&self, name: &str) -> impl Iterator<Item = FlashId> {
        self.changes.iter().filter_map(move |change| match change {
            Change::Flash { queue, id, duplicates: Duplicates::Suppress, .. } if queue.as_str() == name => Some(*id),
            _ => None,
        })
    }

    /// The closures given to `update`. Holding them keeps what they own alive.
    #[must_use]
    pub fn closures(&self) -> Vec<Updater> {
        let closure =
            |change: &Change| if let Change::Update { again, .. } = change { Some(Arc::clone(again)) } else { None };
        self.changes.iter().filter_map(closure).collect()
    }

    /// Whether the next change folds the log, which drops changes.
    #[must_use]
    pub fn folds_next(&self) -> bool {
        self.changes.len() + 1 >= self.fold_at.max(fold::FIRST)
    }

    /// Keeps the changes so far apart from those that follow; returns how many there are.
    pub(crate) const fn seal(&mut self) -> usize {
        self.sealed = self.changes.len();
        self.sealed
    }

    /// The changes that came after the first `count`.
    pub(crate) fn since(&self, count: usize) -> Self {
        let changes = self.changes.get(count..).unwrap_or_default().to_vec();
        // Nobody knows any more whether these alone made a difference: assume that they did.
        let effective = !changes.is_empty();
        Self { changes, effective, ..Self::EMPTY }
    }

    /// Applies all changes again on `newest`, a version that another request wrote after `base`.
    ///
    /// On `base` itself the result is what the handler saw, provided that closures given to
    /// `update` compute the same from the same.
    ///
    /// # Errors
    /// When a closure can't read or write its value, or under [`ConflictPolicy::Strict`] when a key
    /// that this log read, set, removed or cleared is no longer as it was in `base`.
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

    /// A key that another request changed, and that this log depends on under the strict policy.
    fn conflict<'a>(&'a self, base: &'a Record, newest: &'a Record) -> Option<&'a str> {
        let differs = |key: &&str| base.get(key) != newest.get(key);
        let all = || newest.entries().chain(base.entries()).map(|(key, _)| key);
        let read = all().filter(|key| self.reads.contains(key)).find(differs);
        read.or_else(|| {
            self.changes.iter().find_map(|change| match change {
                Change::Set { key, .. } | Change::Remove { key } => Some(key.as_str()).filter(differs),
                Change::Clear => all().find(differs),
                // These build on what is there, whatever it is.
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
                | Change::Reissue => None,
            })
        })
    }

    /// Applies all changes again on `newest`.
    pub(crate) fn run(&self, newest: &Record) -> Result<Record, Error> {
        let mut record = newest.clone();
        for change in &self.changes {
            record.reapply(change)?;
        }
        Ok(record)
    }
}
