//! What to store and what cookie to send: the decision at the end of a request, in one place.

use crate::lifetimes::{Clockwork, Deadline};
use crate::request_kind::RequestKind;
use crate::state::{Identity, SessionState};
use crate::time::Timestamp;

/// Whether a request's changes are committed when its response is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitPolicy {
    /// Always, as in Pyramid.
    #[default]
    Always,
    /// Not if the status is 500 or above. All effects are dropped together then, `invalidate` and
    /// `cycle_id` too.
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
    /// A pure function of the session and the time. Whether there is a commit at all, see
    /// [`CommitPolicy`], was decided before.
    #[must_use]
    pub fn plan(&self, now: Timestamp) -> (Plan, CookieUpdate) {
        let now = self.resolution().floor(now);
        let effective = self.log().is_effective();
        match self.identity() {
            Identity::New if self.is_wanted() => (Plan::Create, CookieUpdate::Set),
            Identity::New => (Plan::Nothing, CookieUpdate::Keep),
            Identity::Ended(_) if self.is_wanted() => (Plan::EndThenCreate, CookieUpdate::Set),
            Identity::Ended(_) => (Plan::End, CookieUpdate::Remove),
            Identity::Detached(_) if effective => (Plan::Drop(Dropped::Detached), CookieUpdate::Keep),
            Identity::Detached(_) => (Plan::Nothing, CookieUpdate::Keep),
            Identity::Cycling(_) => match self.expired_meanwhile(now) {
                Some(deadline) => (Plan::Drop(Dropped::Expired(deadline)), CookieUpdate::Keep),
                None => (Plan::Cycle, CookieUpdate::Set),
            },
            Identity::Loaded(_) => match self.expired_meanwhile(now) {
                Some(deadline) if effective => (Plan::Drop(Dropped::Expired(deadline)), CookieUpdate::Keep),
                Some(_) => (Plan::Nothing, CookieUpdate::Keep),
                None if effective => (Plan::Replace, self.cookie_after_write()),
                None if self.touches(now) => (Plan::Touch, self.cookie_after_touch()),
                None => (Plan::Nothing, CookieUpdate::Keep),
            },
        }
    }

    /// Whether being used now extends the session.
    fn touches(&self, now: Timestamp) -> bool {
        let allowed = match (self.request(), self.carrier()) {
            // The visitor may never see this page.
            (RequestKind::Speculative, _) => false,
            // A touch of a cookie sends the whole record again. With each image of a page, that
            // would undo whatever another request has committed in the meantime, a sign-out
            // included.
            (RequestKind::Subresource, Carrier::Record) => false,
            _ => true,
        };
        allowed && self.base().clockwork().is_touch_due(now, self.lifetimes())
    }

    /// A visitor who stored nothing has no record and no cookie; a token that was shown in a form
    /// must be known later.
    fn is_wanted(&self) -> bool {
        let record = self.record();
        !record.is_vacant() || record.csrf().is_some() || self.log().asks_for_record()
    }

    /// The deadline that passed while the request ran. Having been opened counts as use.
    pub(crate) fn expired_meanwhile(&self, now: Timestamp) -> Option<Deadline> {
        let mut used = Clockwork { ..*self.base().clockwork() };
        used.touch(self.opened(), self.lifetimes());
        used.expired(now)
    }

    fn cookie_after_write(&self) -> CookieUpdate {
        match self.carrier() {
            Carrier::Record => CookieUpdate::Set,
            Carrier::Id if self.moves() || self.log().asks_for_cookie() => CookieUpdate::Set,
            Carrier::Id => CookieUpdate::Keep,
        }
    }

    const fn cookie_after_touch(&self) -> CookieUpdate {
        match self.carrier() {
            Carrier::Record => CookieUpdate::Set,
            Carrier::Id if self.moves() => CookieUpdate::Set,
            // The Max-Age of a remembered cookie runs to the absolute deadline, which a touch
            // doesn't move.
            Carrier::Id => CookieUpdate::Keep,
        }
    }
}

#[cfg(test)]
mod tests;
