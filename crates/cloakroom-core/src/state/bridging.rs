//! Sessions of more than one place, and of other frameworks.

use std::sync::Arc;

use super::{Identity, SessionState};
use crate::csrf::CsrfScheme;
use crate::error::Error;
use crate::foreign::Foreign;
use crate::id::SessionId;
use crate::lifetimes::Clockwork;
use crate::record::Record;
use crate::rejected::Rejected;
use crate::time::Timestamp;

/// Sessions of more than one place, and of other frameworks: for factories that bridge.
impl SessionState {
    /// The reason why the request's cookie didn't open, if it brought one that didn't and none that
    /// did.
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

    /// The same session with the id that it was opened under: a new id that was asked for is left
    /// out.
    #[must_use]
    pub const fn staying(mut self) -> Self {
        if let Identity::Cycling(id) = self.identity {
            self.identity = Identity::Loaded(id);
        }
        self
    }

    /// The same session, which the commit moves to a new id.
    #[must_use]
    pub const fn cycling(mut self) -> Self {
        self.identity = self.identity.cycled();
        self
    }

    /// The same session, whose id leads nowhere any more; see [`SessionState::detached`].
    #[must_use]
    pub const fn detaching(mut self, presented: SessionId) -> Self {
        self.identity = Identity::Detached(Some(presented));
        self
    }

    /// Makes the changes of another state of the same session again on this one.
    ///
    /// # Errors
    /// When a closure given to `update` can't read or write its value here.
    pub fn repeating(mut self, other: &Self) -> Result<Self, Error> {
        self.work.draft = Some(Arc::new(other.work.log.run(&self.work.base)?));
        self.work.log = other.work.log.clone();
        Ok(self)
    }

    /// Takes over a record that was written under a session's changes, to begin anew here; see
    /// [`SessionState::adopting`].
    #[must_use]
    pub fn adopting_record(self, record: &Record, other: &Self, now: Timestamp) -> Self {
        let mut adopted = self.adopting(other, now);
        let mut record = record.clone();
        record.foreign = None;
        // The deadlines are those of this side.
        record.clockwork = adopted.record().clockwork;
        adopted.work.draft = Some(Arc::new(record));
        adopted
    }

    /// Takes over the contents of another session, which begins anew here. The foreign part stays
    /// behind.
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
