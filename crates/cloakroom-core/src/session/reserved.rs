//! Reserved ids: a visitor who only sees a form has an id in the cookie, and no session yet.
//!
//! The id is random. The CSRF token of the visitor's forms is derived from it, so nothing is kept
//! on the server. The session begins under this id when something is stored, so concurrent first
//! writes meet in one session.

use std::sync::Arc;

use super::SessionState;
use super::identity::{Identity, Reserved};
use crate::csrf::CsrfToken;
use crate::id::SessionId;

/// Reserved ids, for factories.
impl SessionState {
    /// Lets a visitor without a session have a reserved id instead of a record.
    ///
    /// A page with a form then stores nothing: see [`Plan::IssueToken`](crate::Plan::IssueToken).
    /// `presented` is the reserved id in the request's cookie. The session begins under it if
    /// something is stored. If the visitor signs in, it gets another id, like any session.
    ///
    /// # Security
    /// The session adopts an id that came from the client. The cookie's name **must** begin with
    /// `__Host-`. Otherwise a sibling domain could plant an id, and with it a token, that it knows.
    #[must_use]
    pub fn reserving_ids(mut self, presented: Option<SessionId>) -> Self {
        self.context.reserves_ids = true;
        if let Some(id) = presented {
            self.reserve(Reserved { id, is_sent: true });
        }
        self
    }

    /// Reserves an id, whose token becomes that of the session.
    pub(super) fn reserve(&mut self, reserved: Reserved) {
        let token = CsrfToken::of_reserved(&reserved.id).reshape(self.context.scheme);
        // The base is the record that a session under this id has while it is empty. The changes
        // of this request are then replayed correctly on the record of another request.
        Arc::make_mut(&mut self.work.base).csrf = Some(token.clone());
        if let Some(draft) = &mut self.work.draft {
            Arc::make_mut(draft).csrf.get_or_insert(token);
        }
        self.rare_mut().reserved = Some(reserved);
    }

    /// Gives a detached session the CSRF token that follows from the request's id.
    ///
    /// A visitor can then use a sign-in form, although nothing is stored for them. It isn't the
    /// token of the session that has this id, which stays secret.
    #[must_use]
    pub fn with_token_of_id(mut self) -> Self {
        if let Some(id) = self.identity.presented().filter(|_| self.is_detached()) {
            let token = CsrfToken::of_reserved(&id).reshape(self.context.scheme);
            Arc::make_mut(&mut self.work.base).csrf = Some(token);
        }
        self
    }

    pub(super) fn reserved(&self) -> Option<Reserved> {
        self.rare.as_ref().filter(|_| self.identity == Identity::New)?.reserved
    }

    /// Returns the id that is reserved for this visitor, who has no session.
    #[must_use]
    pub fn reserved_id(&self) -> Option<SessionId> {
        self.reserved().map(|reserved| reserved.id)
    }

    /// Returns the reserved id if the browser has it: other requests may begin the session.
    #[must_use]
    pub fn sent_reserved_id(&self) -> Option<SessionId> {
        self.reserved().filter(|reserved| reserved.is_sent).map(|reserved| reserved.id)
    }

    /// Returns the id for a session that begins, if one is reserved.
    ///
    /// A visitor who signs in gets an id that was never in use.
    pub(super) fn begins_under(&self) -> Option<SessionId> {
        self.reserved_id().filter(|_| !self.log().cycles())
    }
}
