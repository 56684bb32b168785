//! What handlers do to a session. Values and flash messages are in `access`.

use std::sync::Arc;
use std::time::Duration;

use super::{SessionState, Stored, Work};
use crate::apply::Effect;
use crate::change::{Change, ChangeLog, Lifetime};
use crate::csrf::CsrfToken;
use crate::lifetimes::Clockwork;
use crate::record::Record;
use crate::time::Timestamp;

/// Writing.
impl SessionState {
    /// The one door: applies a change to what the handler sees, and keeps it for replay.
    pub(crate) fn apply(&mut self, change: Change) -> Effect {
        let draft = self.work.draft.get_or_insert_with(|| Arc::clone(&self.work.base));
        let effect = Arc::make_mut(draft).apply(&change);
        self.work.log.record(change, effect);
        effect
    }

    /// The log, to note what the handler reads.
    pub(crate) const fn log_mut(&mut self) -> &mut ChangeLog {
        &mut self.work.log
    }

    /// Writes the session and sends its cookie even if nothing is different.
    ///
    /// Needed only to send the cookie again: `insert`, `update` and `get_mut` record their changes
    /// themselves.
    pub fn changed(&mut self) {
        self.apply(Change::Reissue);
    }

    /// Ends the session. What is written afterwards starts a new one, under a new id.
    ///
    /// It wins over everything else that was done in this request. A detached session ends where it
    /// has moved to. A new one is just emptied.
    pub fn invalidate(&mut self, now: Timestamp) {
        if self.id().is_some() && self.work.base.foreign.is_some() {
            let foreign = self.work.base.foreign.clone();
            self.rare_mut().ended_foreign = foreign;
        }
        self.identity = self.identity.invalidated();
        let base = Arc::new(Record::new(now, &self.context.lifetimes));
        self.work = Work { base, draft: None, log: ChangeLog::EMPTY };
        self.stored = Stored::default();
        self.generation += 1;
    }

    /// Gives the session a new id at commit, with everything it holds, and replaces its CSRF token
    /// by `token`. Call it at every change of privilege (ASVS 7.2.4).
    ///
    /// A detached session becomes a new one. The deadlines stay as they are.
    pub fn cycle_id(&mut self, token: CsrfToken) {
        self.identity = self.identity.cycled();
        let token = token.reshape(self.context.scheme);
        self.apply(Change::Cycle { token });
    }

    /// Says whose session it is, and gives it a new id and a new CSRF token: signing in is a change
    /// of privilege.
    ///
    /// A session of another owner is ended first, and nothing of it is kept.
    pub fn set_owner(&mut self, owner: &str, token: CsrfToken, now: Timestamp) {
        if self.record().owner().is_some_and(|other| other != owner) {
            self.invalidate(now);
        }
        self.cycle_id(token);
        self.apply(Change::Own { owner: owner.into() });
    }

    /// Sets the session's name in a list of its owner's sessions.
    pub fn set_label(&mut self, label: &str) {
        self.apply(Change::Label { label: label.into() });
    }

    /// The CSRF token, made with `fresh` if the session has none yet. A new session is kept from
    /// then on.
    pub fn csrf_token(&mut self, fresh: impl FnOnce() -> CsrfToken) -> CsrfToken {
        if let Some(token) = self.record().csrf() {
            return token.clone();
        }
        let token = fresh().reshape(self.context.scheme);
        self.apply(Change::CsrfIfAbsent { token: token.clone() });
        token
    }

    /// Replaces the CSRF token: forms rendered before are refused from now on.
    pub fn set_csrf_token(&mut self, token: CsrfToken) {
        let token = token.reshape(self.context.scheme);
        self.apply(Change::SetCsrf { token });
    }

    /// Ends this session when it wasn't used for this time; `None` is never. Counted from now, and
    /// kept through later writes.
    pub fn set_idle_timeout(&mut self, timeout: Option<Duration>, now: Timestamp) {
        self.apply(Change::Lifetime(Lifetime::Idle { timeout, from: now }));
    }

    /// Ends this session this time from now; `None` is never.
    pub fn set_absolute_timeout(&mut self, timeout: Option<Duration>, now: Timestamp) {
        let deadline = timeout.map(|timeout| now + timeout);
        self.apply(Change::Lifetime(Lifetime::Absolute { deadline }));
    }

    /// Keeps this session for this time from now, used or not, and its cookie beyond the end of the
    /// browser session.
    pub fn remember(&mut self, span: Duration, now: Timestamp) {
        self.apply(Change::Lifetime(Lifetime::Remember { until: now + span }));
    }

    /// Takes [`SessionState::remember`] back: the factory's timeouts hold again, counted from now.
    pub fn forget(&mut self, now: Timestamp) {
        let clockwork = Clockwork::start(now, &self.context.lifetimes);
        let (idle, absolute) = (clockwork.idle_deadline, clockwork.absolute_deadline);
        self.apply(Change::Lifetime(Lifetime::Forget { idle, absolute }));
    }
}
