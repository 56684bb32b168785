//! Committing: the one place where a session waits.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use cloakroom_core::{Carrier, CookieUpdate, Plan, SetCookie, Timestamp};

use super::{Phase, Session};
use crate::error::Error;
use crate::factory::SessionFactory;

impl Session {
    /// Commits what was done so far, before the response: for streams, sockets, and work that goes on after a redirect.
    ///
    /// # Errors
    /// As at the end of a request. When the response's headers were sent and a cookie is needed, as it always is for a cookie session:
    /// [`Error::is_headers_sent`].
    pub async fn commit_now(&self) -> Result<(), Error> {
        let _turn = self.0.turns.lock().await;
        let (snapshot, late) = {
            let mut inner = self.inner();
            if let Some(error) = inner.failed.take() {
                return Err(error);
            }
            let (plan, cookie) = inner.state.plan(self.0.engine.factory.carrier(), self.now());
            if plan == Plan::Nothing {
                inner.late = false;
                return Ok(());
            }
            if inner.phase == Phase::HeadersSent && cookie != CookieUpdate::Keep {
                // A touch is a courtesy that can wait for the next request.
                return if plan == Plan::Touch { Ok(()) } else { Err(Error::headers_sent()) };
            }
            (inner.state.clone(), std::mem::take(&mut inner.late))
        };
        let checkpoint = snapshot.checkpoint();
        let outcome = self.0.engine.factory.commit(snapshot, self.now()).await;
        let mut inner = self.inner();
        // What failed may be tried again. Until then it isn't kept.
        inner.late |= late && outcome.is_err();
        let committed = outcome?;
        supersede(&mut inner.cookies, committed.cookies);
        Ok(inner.state.absorb(checkpoint, committed.session)?)
    }

    /// The commit at the end of the request: the cookies that the response must set.
    pub(crate) async fn finish(&self, factory: &impl SessionFactory, status: u16) -> Result<Vec<SetCookie>, Error> {
        let _turn = self.0.turns.lock().await;
        let now = match self.leave(factory.carrier(), status) {
            ControlFlow::Break(outcome) => return outcome,
            ControlFlow::Continue(now) => now,
        };
        let (state, checkpoint) = {
            let mut inner = self.inner();
            inner.state.use_now(now);
            (inner.state.clone(), inner.state.checkpoint())
        };
        let committed = factory.commit(state, now).await?;
        let mut inner = self.inner();
        inner.state.absorb(checkpoint, committed.session)?;
        let mut cookies = std::mem::take(&mut inner.cookies);
        supersede(&mut cookies, committed.cookies);
        Ok(cookies)
    }

    /// The same without waiting, if nothing is left to commit and no commit is under way.
    pub(crate) fn finish_at_once(&self, status: u16) -> Option<Result<Vec<SetCookie>, Error>> {
        // There will be a commit, nearly always. Whether is decided once, when it is its turn.
        if self.read(|state| state.log().is_effective()) {
            return None;
        }
        let _turn = self.0.turns.try_lock().ok()?;
        self.leave(self.0.engine.factory.carrier(), status).break_value()
    }

    /// The response's headers are on their way. Goes on, with the time that it was then, if there is something to commit.
    fn leave(&self, carrier: Carrier, status: u16) -> ControlFlow<Result<Vec<SetCookie>, Error>, Timestamp> {
        let now = self.now();
        let mut inner = self.inner();
        inner.phase = Phase::HeadersSent;
        let (plan, _) = inner.state.plan(carrier, now);
        let abandoned = self.0.abandoned.load(Ordering::SeqCst);
        if abandoned && plan != Plan::Nothing {
            tracing::warn!(?plan, "session changes dropped: the request was refused, or its handler panicked");
        }
        if abandoned || !self.0.engine.policy.commits(status) {
            return ControlFlow::Break(Ok(std::mem::take(&mut inner.cookies)));
        }
        if let Some(error) = inner.failed.take() {
            return ControlFlow::Break(Err(error));
        }
        if plan == Plan::Nothing {
            return ControlFlow::Break(Ok(std::mem::take(&mut inner.cookies)));
        }
        ControlFlow::Continue(now)
    }

    /// The cookies of what `commit_now` committed, for a response that the last commit failed.
    pub(crate) fn committed_cookies(&self) -> Vec<SetCookie> {
        std::mem::take(&mut self.inner().cookies)
    }

    /// Nothing of this request is committed: it was refused, or its handler panicked.
    pub(crate) fn abandon(&self) {
        self.0.abandoned.store(true, Ordering::SeqCst);
    }
}

/// A later commit's cookie takes the place of an earlier one of its name. Of another name, as when a session has moved to another factory, it
/// stands beside it.
fn supersede(cookies: &mut Vec<SetCookie>, later: Vec<SetCookie>) {
    if cookies.is_empty() {
        *cookies = later;
        return;
    }
    cookies.retain(|cookie| later.iter().all(|it| it.name() != cookie.name()));
    cookies.extend(later);
}
