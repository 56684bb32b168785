//! The decision at the end of a request: the operation on the record, and the cookie to send.

use super::SessionState;
use super::cookie_payload::CookiePayload;
use super::identity::Identity;
use crate::lifetimes::{Deadline, SessionTimes};
use crate::request_kind::RequestKind;
use crate::time::Timestamp;

/// The policy for committing changes when the response is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitPolicy {
    /// Always commit, as in Pyramid.
    #[default]
    Always,
    /// Don't commit if the status is 500 or above. All effects are then dropped together, including
    /// `invalidate` and `cycle_id`.
    NotOnServerError,
}

impl CommitPolicy {
    /// Returns `true` if a response with this status commits.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::CommitPolicy;
    ///
    /// assert!(CommitPolicy::Always.commits(500));
    /// assert!(CommitPolicy::NotOnServerError.commits(404));
    /// assert!(!CommitPolicy::NotOnServerError.commits(500));
    /// ```
    #[must_use]
    pub const fn commits(self, status: u16) -> bool {
        match self {
            Self::Always => true,
            Self::NotOnServerError => status < 500,
        }
    }
}

/// The operation on the stored record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// Write nothing.
    Nothing,
    /// Send a reserved id to a visitor who got a CSRF token, and store nothing.
    ///
    /// Only for factories that [reserve ids](SessionState::reserving_ids).
    IssueToken,
    /// Extend the idle deadline.
    Touch,
    /// Store a new record under a new id, or under the [reserved](SessionState::sent_reserved_id)
    /// one.
    Create,
    /// Replace the record.
    Replace,
    /// Store the record under a new id, and end the old one.
    Cycle,
    /// End the session.
    End,
    /// End the session, and store a new record under a new id.
    EndThenCreate,
    /// Drop the changes.
    Drop(Dropped),
}

/// The reason for dropping changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dropped {
    /// The id had already moved when the request arrived.
    Detached,
    /// The session expired during the request.
    Expired(Deadline),
}

/// The operation on the browser's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieUpdate {
    /// Send no cookie.
    Keep,
    /// Send the cookie.
    Set,
    /// Remove the cookie.
    Remove,
}

impl SessionState {
    /// Returns the operations at the end of the request.
    ///
    /// This is a pure function of the session and the time. [`CommitPolicy`] is checked earlier.
    #[must_use]
    pub fn plan(&self, now: Timestamp) -> (Plan, CookieUpdate) {
        let now = self.resolution().floor(now);
        let effective = self.log().is_effective();
        match self.identity() {
            Identity::New if self.is_wanted() => (Plan::Create, self.cookie_of_new()),
            Identity::New if self.reserved().is_some_and(|reserved| !reserved.is_sent) => {
                (Plan::IssueToken, CookieUpdate::Set)
            }
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
                None if effective => (Plan::Replace, self.cookie_after_write(now)),
                None if self.touches(now) => (Plan::Touch, self.cookie_after_touch(now)),
                None => (Plan::Nothing, CookieUpdate::Keep),
            },
        }
    }

    /// Returns `true` if using the session now extends its deadline.
    fn touches(&self, now: Timestamp) -> bool {
        let allowed = match self.request() {
            // The visitor may never see this page.
            RequestKind::Speculative => false,
            // A cookie that is sent with each image of a page would undo the commits of concurrent
            // requests: sign-ins, and with a cookie session also writes and sign-outs.
            RequestKind::Subresource => self.cookie_after_touch(now) == CookieUpdate::Keep,
            RequestKind::Ordinary => true,
        };
        allowed && self.base().times().is_touch_due(now, self.lifetimes())
    }

    /// Returns `true` if a new session must be stored.
    ///
    /// A visitor who stored nothing has no record and no cookie, but a token that was rendered into
    /// a form must be known later, unless it follows from a reserved id.
    fn is_wanted(&self) -> bool {
        !self.record().is_vacant() || self.log().asks_for_record() || self.record().csrf() != self.base().csrf()
    }

    /// A browser that has the reserved id needs no other cookie. The response may arrive after that
    /// of a sign-in, whose cookie it must not replace.
    fn cookie_of_new(&self) -> CookieUpdate {
        let has_id = self.sent_reserved_id().is_some_and(|id| self.begins_under() == Some(id));
        if has_id && !self.log().asks_for_cookie() && !self.record().times().remembered {
            CookieUpdate::Keep
        } else {
            CookieUpdate::Set
        }
    }

    /// Returns the deadline that passed during the request, if any. Opening counts as use.
    pub(crate) fn expired_meanwhile(&self, now: Timestamp) -> Option<Deadline> {
        let mut used = SessionTimes { ..*self.base().times() };
        used.touch(self.opened(), self.lifetimes());
        used.expired(now)
    }

    fn cookie_after_write(&self, now: Timestamp) -> CookieUpdate {
        match self.payload() {
            CookiePayload::Record => CookieUpdate::Set,
            CookiePayload::Id if self.moves() || self.log().asks_for_cookie() => CookieUpdate::Set,
            CookiePayload::Id if self.is_cookie_due(now) => CookieUpdate::Set,
            CookiePayload::Id => CookieUpdate::Keep,
        }
    }

    fn cookie_after_touch(&self, now: Timestamp) -> CookieUpdate {
        match self.payload() {
            CookiePayload::Record => CookieUpdate::Set,
            CookiePayload::Id if self.moves() || self.is_cookie_due(now) => CookieUpdate::Set,
            CookiePayload::Id => CookieUpdate::Keep,
        }
    }

    /// Returns `true` if the Max-Age of the cookie must follow the idle deadline.
    fn is_cookie_due(&self, now: Timestamp) -> bool {
        self.base().times().is_cookie_due(now, self.lifetimes())
    }
}

#[cfg(test)]
mod tests;
