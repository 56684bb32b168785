//! Sessions of more than one place, and of other frameworks.

use std::sync::Arc;

use super::SessionState;
use crate::csrf::CsrfScheme;
use crate::foreign::Foreign;
use crate::lifetimes::Clockwork;
use crate::rejected::Rejected;
use crate::time::Timestamp;

/// Sessions of more than one place, and of other frameworks: for factories that bridge.
impl SessionState {
    /// The reason why the request's cookie didn't open, if it brought one that didn't and none that did.
    #[must_use]
    pub fn rejected(&self) -> Option<Rejected> {
        self.rare.as_ref()?.rejected
    }

    /// Makes and spells the session's CSRF tokens as another framework does.
    #[must_use]
    pub fn with_csrf_scheme(mut self, scheme: Option<&'static dyn CsrfScheme>) -> Self {
        self.context.scheme = scheme;
        self
    }

    /// Says from which of several places the session was opened. The factory numbers them from one.
    #[must_use]
    pub const fn at_place(mut self, place: u8) -> Self {
        self.context.place = place;
        self
    }

    /// The place from which the session was opened; zero if its factory has only one.
    #[must_use]
    pub const fn place(&self) -> u8 {
        self.context.place
    }

    /// Adds another session that the same request brought. A factory that reads several places ends
    /// it together with this one.
    #[must_use]
    pub fn beside(mut self, other: Self) -> Self {
        self.rare_mut().other = Some(other);
        self
    }

    /// Another session that the same request brought.
    #[must_use]
    pub fn other(&self) -> Option<&Self> {
        self.rare.as_ref()?.other.as_ref()
    }

    /// The foreign part of the session that was invalidated in this request.
    #[must_use]
    pub fn ended_foreign(&self) -> Option<&Foreign> {
        self.rare.as_ref()?.ended_foreign.as_deref()
    }

    /// Takes over the contents of another session, which begins anew here. The foreign part stays behind.
    ///
    /// A lifetime that was set for that one session still holds, and so does an absolute deadline.
    /// Otherwise this session's own lifetimes count from now, so that no move ends a session.
    #[must_use]
    pub fn adopting(mut self, other: &Self, now: Timestamp) -> Self {
        let mut record = other.record().clone();
        record.foreign = None;
        let begun = Clockwork::start(now, &self.context.lifetimes);
        if !record.clockwork.remembered {
            record.clockwork.absolute_deadline = record.clockwork.absolute_deadline.or(begun.absolute_deadline);
        }
        // Without an idle deadline, `touch` starts the one that holds here.
        record.clockwork.idle_deadline = None;
        record.clockwork.touch(now, &self.context.lifetimes);
        self.work.draft = Some(Arc::new(record));
        self.work.log = other.work.log.clone();
        self
    }
}
