//! What a handler did, in order, and how it is done again on a newer version.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::apply::Effect;
use crate::csrf::CsrfToken;
use crate::error::Error;
use crate::flash::{Duplicates, Given};
use crate::lifetimes::Clockwork;
use crate::record::Record;
use crate::text::{Json, Text};
use crate::time::Timestamp;

/// Computes a key's next value from the one that is there now.
pub(crate) type Updater = Arc<dyn Fn(Option<&Json>) -> Result<Json, Error> + Send + Sync>;

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
        body: Json,
        duplicates: Duplicates,
    },
    PopFlash {
        queue: Text,
        given: Vec<Given>,
    },
    SetCsrf {
        token: CsrfToken,
    },
    CsrfIfAbsent {
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
            Self::Lifetime(_) => ("Lifetime", ""),
            Self::Own { .. } => ("Own", ""),
            Self::Label { .. } => ("Label", ""),
            Self::Reissue => ("Reissue", ""),
        };
        f.debug_tuple(name).field(&at).finish()
    }
}

/// What happens when two requests set or remove the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictPolicy {
    /// The request that commits last wins, on that key alone.
    #[default]
    LastWriteWins,
    /// The request that commits last gets an error that names the key, and nothing of it is stored.
    Strict,
}

/// What a handler did, in order.
///
/// Changes that made no difference are kept too: on a newer version they might.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    pub(crate) changes: Vec<Change>,
    pub(crate) effective: bool,
}

impl ChangeLog {
    pub(crate) fn record(&mut self, change: Change, effect: Effect) {
        self.effective |= effect == Effect::Changed;
        self.changes.push(change);
    }

    /// Whether anything made a difference to the record that the handler saw.
    #[must_use]
    pub const fn is_effective(&self) -> bool {
        self.effective
    }

    /// How many changes there were.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing was changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether the browser has to hear of it even if it has the id already.
    pub(crate) fn asks_for_cookie(&self) -> bool {
        let asks = |change: &Change| matches!(change, Change::Reissue | Change::Lifetime(_));
        self.changes.iter().any(asks)
    }

    /// Whether the handler asked for the session to be kept even if it is empty.
    pub(crate) fn asks_for_record(&self) -> bool {
        let asks = |change: &Change| matches!(change, Change::Reissue);
        self.changes.iter().any(asks)
    }

    /// Cuts off what came after the first `count` changes.
    pub(crate) fn split_off(&mut self, count: usize) -> Self {
        let mut changes = self.changes.split_off(count.min(self.changes.len()));
        for change in &mut changes {
            if let Change::PopFlash { given, .. } = change {
                given.iter_mut().for_each(Given::settle);
            }
        }
        // Whether these alone made a difference isn't known any more: assume that they did.
        let effective = !changes.is_empty();
        Self { changes, effective }
    }

    /// Does everything again on `newest`, a version that somebody else wrote after `base`.
    ///
    /// On `base` itself the result is what the handler saw, provided that closures given to `update` compute the same from the same.
    ///
    /// # Errors
    /// When a closure can't read or write its value, or under [`ConflictPolicy::Strict`] when a key that this log
    /// sets, removes or clears is no longer as it was in `base`.
    pub fn replay(&self, base: &Record, newest: &Record, policy: ConflictPolicy) -> Result<Record, Error> {
        if policy == ConflictPolicy::Strict {
            let differs = |key: &&str| base.get(key) != newest.get(key);
            let conflict = self.changes.iter().find_map(|change| match change {
                Change::Set { key, .. } | Change::Remove { key } => Some(key.as_str()).filter(differs),
                Change::Clear => newest.entries().chain(base.entries()).map(|(key, _)| key).find(differs),
                // These build on what is there, whatever it is.
                Change::SetIfAbsent { .. }
                | Change::Update { .. }
                | Change::Flash { .. }
                | Change::PopFlash { .. }
                | Change::SetCsrf { .. }
                | Change::CsrfIfAbsent { .. }
                | Change::Lifetime(_)
                | Change::Own { .. }
                | Change::Label { .. }
                | Change::Reissue => None,
            });
            if let Some(key) = conflict {
                return Err(Error::conflict(key));
            }
        }
        let mut record = self.run(newest)?;
        record.flashes.settle();
        Ok(record)
    }

    /// Does everything again on `newest`, and still knows afterwards which messages are this log's own.
    pub(crate) fn run(&self, newest: &Record) -> Result<Record, Error> {
        let mut record = newest.clone();
        for change in &self.changes {
            record.reapply(change)?;
        }
        Ok(record)
    }
}
