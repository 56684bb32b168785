//! The changes of a handler, and their effects.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::alias::Alias;
use crate::csrf::CsrfToken;
#[cfg(feature = "dbsc")]
use crate::dbsc::Binding;
use crate::error::Error;
use crate::json::{Json, Text};
use crate::lifetimes::SessionTimes;
use crate::record::{Duplicates, FlashId};
use crate::time::Timestamp;

/// A function that computes the new value of a key from its current one.
pub type Updater = Arc<dyn Fn(Option<&Json>) -> Result<Json, Error> + Send + Sync>;

/// A function that decides about the binding to a device. `None` leaves it as it is.
#[cfg(feature = "dbsc")]
pub type Binder = Arc<dyn Fn(Option<&Binding>) -> Option<Binding> + Send + Sync>;

/// One change that a handler made to its session.
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
    /// `value` is the result that the handler saw; `again` recomputes it on another version.
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
    /// Moves the session to a new id and replaces its CSRF token, if it has one: a token that was
    /// known before a sign-in must not be valid afterwards.
    Cycle {
        token: CsrfToken,
    },
    Lifetime(Lifetime),
    /// Sets the owner.
    Own {
        owner: Text,
    },
    /// Sets the session's name in its owner's list.
    Label {
        label: Text,
    },
    /// Sets the session's second name.
    Alias {
        alias: Alias,
    },
    /// Sets the binding to a device; `again` decides anew on another version.
    #[cfg(feature = "dbsc")]
    Bind {
        binding: Binding,
        again: Binder,
    },
    /// `changed()`: writes the session and sends the cookie even if no value changed.
    Reissue,
}

impl Change {
    /// Returns the part of the session that this change concerns, for traces. It has no value.
    pub(crate) fn part(&self) -> Cow<'_, str> {
        match self {
            Self::Set { key, .. } | Self::SetIfAbsent { key, .. } | Self::Remove { key } | Self::Update { key, .. } => {
                key.as_str().into()
            }
            Self::Clear => "all values".into(),
            Self::Flash { queue, .. } | Self::PopFlash { queue, .. } => {
                format!("flash queue {:?}", queue.as_str()).into()
            }
            Self::SetCsrf { .. } | Self::CsrfIfAbsent { .. } => "the CSRF token".into(),
            Self::Cycle { .. } => "a new id".into(),
            Self::Lifetime(_) => "the lifetime".into(),
            Self::Own { .. } => "the owner".into(),
            Self::Label { .. } => "the label".into(),
            Self::Alias { .. } => "the alias".into(),
            #[cfg(feature = "dbsc")]
            Self::Bind { .. } => "the binding to a device".into(),
            Self::Reissue => "the cookie".into(),
        }
    }
}

/// A lifetime that a handler set for this one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// An idle timeout, counted from `from`.
    Idle { timeout: Option<Duration>, from: Timestamp },
    /// An absolute deadline.
    Absolute { deadline: Option<Timestamp> },
    /// The factory's own timeouts, with these deadlines, and its own kind of cookie.
    Forget { idle: Option<Timestamp>, absolute: Option<Timestamp>, remembered: bool },
    /// A lifetime until `until`, independent of use. The cookie survives the browser session.
    Remember { until: Timestamp },
}

impl Lifetime {
    pub(crate) fn apply(self, times: &mut SessionTimes) {
        match self {
            Self::Idle { timeout, from } => {
                times.own_idle = Some(timeout);
                times.idle_deadline = timeout.map(|timeout| from + timeout);
            }
            Self::Absolute { deadline } => times.absolute_deadline = deadline,
            Self::Forget { idle, absolute, remembered } => {
                times.own_idle = None;
                times.idle_deadline = idle;
                times.absolute_deadline = absolute;
                times.remembered = remembered;
            }
            Self::Remember { until } => {
                times.own_idle = Some(None);
                times.idle_deadline = None;
                times.absolute_deadline = Some(until);
                times.remembered = true;
            }
        }
    }

    /// Returns `true` if this lifetime makes `earlier` obsolete.
    pub(super) const fn replaces(self, earlier: Self) -> bool {
        match self {
            Self::Forget { .. } | Self::Remember { .. } => true,
            Self::Idle { .. } => matches!(earlier, Self::Idle { .. }),
            Self::Absolute { .. } => matches!(earlier, Self::Absolute { .. }),
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
            Self::Alias { .. } => ("Alias", ""),
            #[cfg(feature = "dbsc")]
            Self::Bind { .. } => ("Bind", ""),
            Self::Reissue => ("Reissue", ""),
        };
        f.debug_tuple(name).field(&at).finish()
    }
}

/// The effect of a change on the record that it was applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Changed,
    None,
}

impl Effect {
    pub(super) const fn when(changed: bool) -> Self {
        if changed { Self::Changed } else { Self::None }
    }
}
