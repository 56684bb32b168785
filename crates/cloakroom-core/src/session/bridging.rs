//! Sessions from several sources, and sessions of other frameworks.

use std::sync::Arc;

use super::{Identity, SessionState};
use crate::csrf::CsrfScheme;
use crate::error::Error;
use crate::id::SessionId;
use crate::lifetimes::SessionTimes;
use crate::record::{FrameworkData, Record};
use crate::seal::Rejected;
use crate::time::Timestamp;

/// Sessions from several sources and of other frameworks, for bridging factories.
impl SessionState {
    /// Returns the reason for rejecting the request's cookie, if none opened.
    #[must_use]
    pub fn rejected(&self) -> Option<Rejected> {
        self.rare.as_ref()?.rejected
    }

    /// Sets the format of the session's CSRF tokens to that of another framework.
    #[must_use]
    pub fn with_csrf_scheme(mut self, scheme: Option<&'static dyn CsrfScheme>) -> Self {
        self.context.scheme = scheme;
        self
    }

    /// Sets the source from which the session was opened.
    ///
    /// The factory numbers its sources from one.
    #[must_use]
    pub const fn with_source(mut self, place: u8) -> Self {
        self.context.place = place;
        self
    }

    /// Returns the source from which the session was opened.
    ///
    /// It is zero if its factory has only one source.
    #[must_use]
    pub const fn place(&self) -> u8 {
        self.context.place
    }

    /// Attaches another session that the same request's cookies opened.
    ///
    /// A factory that reads several sources ends both together.
    #[must_use]
    pub fn with_duplicate(mut self, other: Self) -> Self {
        self.rare_mut().other = Some(other);
        self
    }

    /// Returns the other session that the same request's cookies opened.
    #[must_use]
    pub fn other(&self) -> Option<&Self> {
        self.rare.as_ref()?.other.as_ref()
    }

    /// Returns the framework data of the session that was invalidated in this request.
    #[must_use]
    pub fn ended_foreign(&self) -> Option<&FrameworkData> {
        self.rare.as_ref()?.ended_foreign.as_deref()
    }

    /// Returns the session under its original id, without a requested change of id.
    #[must_use]
    pub const fn staying(mut self) -> Self {
        if let Identity::Cycling(id) = self.identity {
            self.identity = Identity::Loaded(id);
        }
        self
    }

    /// Returns the session with a requested change of id.
    #[must_use]
    pub const fn cycling(mut self) -> Self {
        self.identity = self.identity.cycled();
        self
    }

    /// Returns the session as detached; see [`SessionState::detached`].
    #[must_use]
    pub const fn detaching(mut self, presented: SessionId) -> Self {
        self.identity = Identity::Detached(Some(presented));
        self
    }

    /// Replays the changes of another state of the same session on this one.
    ///
    /// # Errors
    /// Returns an error if a closure given to `update` can't read or write its value here.
    pub fn repeating(mut self, other: &Self) -> Result<Self, Error> {
        self.work.draft = Some(Arc::new(other.work.log.run(&self.work.base)?));
        self.work.log = other.work.log.clone();
        Ok(self)
    }

    /// Imports a record that was written with another session's changes.
    ///
    /// See [`SessionState::import`].
    #[must_use]
    pub fn adopting_record(self, record: &Record, other: &Self, now: Timestamp) -> Self {
        let mut adopted = self.import(other, now);
        let mut record = record.clone();
        record.foreign = None;
        // The deadlines are those of this session.
        record.times = adopted.record().times;
        adopted.work.draft = Some(Arc::new(record));
        adopted
    }

    /// Imports the contents of another session, without its framework data.
    ///
    /// The session starts anew here. A lifetime that was set for the other session still applies,
    /// and so does its absolute deadline. Otherwise this session's own lifetimes apply, starting
    /// now, so that moving a session never ends it.
    #[must_use]
    pub fn import(mut self, other: &Self, now: Timestamp) -> Self {
        let mut record = other.record().clone();
        record.foreign = None;
        let begun = SessionTimes::start(now, &self.context.lifetimes);
        if !record.times.remembered {
            record.times.absolute_deadline = record.times.absolute_deadline.or(begun.absolute_deadline);
        }
        // Without an idle deadline, `touch` starts this session's own.
        record.times.idle_deadline = None;
        record.times.touch(now, &self.context.lifetimes);
        self.work.draft = Some(Arc::new(record));
        self.work.log = other.work.log.clone();
        self
    }
}
