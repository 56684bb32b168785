//! What to store and what cookie to send: the decision at the end of a request, in one place.

use crate::lifetimes::{Clockwork, Deadline};
use crate::state::{Origin, SessionState};
use crate::time::Timestamp;

/// Whether a request's changes are committed when its response is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitPolicy {
    /// Always, as in Pyramid.
    #[default]
    Always,
    /// Not if the status is 500 or above. All effects are dropped together then, `invalidate` and `cycle_id` too.
    NotOnServerError,
}

impl CommitPolicy {
    /// Whether a response with this status commits.
    #[must_use]
    pub const fn commits(self, status: u16) -> bool {
        match self {
            Self::Always => true,
            Self::NotOnServerError => status < 500,
        }
    }
}

/// What a factory's cookie carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Carrier {
    /// The whole record: each write needs a new cookie.
    Record,
    /// An id: a new cookie is needed only for a new id, or to change how long the browser keeps it.
    Id,
}

/// What to do with the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// Nothing.
    Nothing,
    /// Extend the idle deadline.
    Touch,
    /// Keep a new record under a new id.
    Create,
    /// Keep what the record has become.
    Replace,
    /// Keep what the record has become under a new id, and end the old one.
    Cycle,
    /// End the session.
    End,
    /// End the session, and keep a new record under a new id.
    EndThenCreate,
    /// There were changes, and they are dropped.
    Drop(Dropped),
}

/// Why changes are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dropped {
    /// The id had moved on when the request came.
    Detached,
    /// The session expired while the request ran.
    Expired(Deadline),
}

/// What to do with the browser's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieUpdate {
    /// Say nothing about it.
    Keep,
    /// Send it.
    Set,
    /// Remove it.
    Remove,
}

impl SessionState {
    /// What to do at the end of the request.
    ///
    /// A pure function of the session, of what the cookie carries, and of the time. Whether there is a commit at all, see
    /// [`CommitPolicy`], was decided before.
    #[must_use]
    pub fn plan(&self, carrier: Carrier, now: Timestamp) -> (Plan, CookieUpdate) {
        if self.ended.is_some() {
            return if self.is_wanted() {
                (Plan::EndThenCreate, CookieUpdate::Set)
            } else {
                (Plan::End, CookieUpdate::Remove)
            };
        }
        let dirty = self.cycled || self.log.is_effective();
        match self.origin {
            Origin::New if self.is_wanted() => (Plan::Create, CookieUpdate::Set),
            Origin::Detached if dirty => (Plan::Drop(Dropped::Detached), CookieUpdate::Keep),
            Origin::New | Origin::Detached => (Plan::Nothing, CookieUpdate::Keep),
            Origin::Loaded(_) => match self.expired_meanwhile(now) {
                Some(deadline) if dirty => (Plan::Drop(Dropped::Expired(deadline)), CookieUpdate::Keep),
                Some(_) => (Plan::Nothing, CookieUpdate::Keep),
                None if self.cycled => (Plan::Cycle, CookieUpdate::Set),
                None if dirty => (Plan::Replace, self.cookie_after_write(carrier)),
                None if self.base().clockwork().is_touch_due(now, &self.lifetimes) => {
                    (Plan::Touch, cookie_after_touch(carrier))
                }
                None => (Plan::Nothing, CookieUpdate::Keep),
            },
        }
    }

    /// A visitor who stored nothing has no record and no cookie; a token that was shown in a form must be known later.
    fn is_wanted(&self) -> bool {
        let record = self.record();
        !record.is_vacant() || record.csrf().is_some() || self.log.asks_for_record()
    }

    /// A request that outlived its session. Having been opened counts as use.
    pub(crate) fn expired_meanwhile(&self, now: Timestamp) -> Option<Deadline> {
        let mut used = Clockwork { ..*self.base().clockwork() };
        used.touch(self.opened, &self.lifetimes);
        used.expired(now)
    }

    fn cookie_after_write(&self, carrier: Carrier) -> CookieUpdate {
        match carrier {
            Carrier::Record => CookieUpdate::Set,
            Carrier::Id if self.log.asks_for_cookie() => CookieUpdate::Set,
            Carrier::Id => CookieUpdate::Keep,
        }
    }
}

const fn cookie_after_touch(carrier: Carrier) -> CookieUpdate {
    match carrier {
        Carrier::Record => CookieUpdate::Set,
        // A remembered cookie's Max-Age runs to the absolute deadline, which a touch doesn't move.
        Carrier::Id => CookieUpdate::Keep,
    }
}

#[cfg(test)]
mod tests;
