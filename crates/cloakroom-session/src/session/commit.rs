//! Committing: one commit of a session at a time, and each runs to its end.
//!
//! `commit_now` and the end of the request both begin a commit here and hand it to a [`Driver`].

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cloakroom_core::{Absorbed, Carrier, Commit, CookieUpdate, Plan, SetCookie};

use super::driver::{Driver, Ending, Running};
use super::{Inner, Phase, Session};
use crate::clock::fill;
use crate::error::Error;
use crate::factory::Committed;

/// The next thing that a session has to commit.
enum Step {
    Nothing,
    /// A commit that was begun before. Its outcome isn't the caller's.
    Earlier(Running),
    Own(Running),
}

/// The number of times that the result of a commit is taken in, each time because the session
/// changed in the meantime. Only a closure that changes the session whenever it runs comes here.
const MOST_REBASES: usize = 1000;

impl Session {
    /// Commits what was done so far, before the response: for streams, sockets, and work that goes
    /// on after a redirect.
    ///
    /// Each change is committed once, whatever happens. If this future is dropped, the commit that
    /// it has begun goes on by itself. If the store gives no answer, the outcome is unknown; the
    /// next commit, at the end of the request at the latest, finds it out before it does anything
    /// else.
    ///
    /// # Errors
    /// As at the end of a request. When a task that holds a clone of the session has panicked. When
    /// the response's headers were sent and a cookie is needed, as it always is for a cookie
    /// session: [`Error::is_headers_sent`].
    pub async fn commit_now(&self) -> Result<(), Error> {
        loop {
            let turn = self.turn().await;
            let late = mem::take(&mut self.inner().late);
            match self.next_step(Self::early).inspect_err(|_| self.inner().late |= late)? {
                Step::Nothing => return Ok(()),
                Step::Earlier(running) => {
                    self.inner().late |= late;
                    Driver::new(turn, running).await?;
                }
                Step::Own(running) => {
                    let outcome = Driver::new(turn, running).await;
                    // What failed may be tried again. Until then it isn't kept.
                    self.inner().late |= late && outcome.is_err();
                    return outcome;
                }
            }
        }
    }

    /// Whether a plan may be carried out before the end of the request.
    fn early(&self, inner: &mut Inner, plan: Plan, cookie: CookieUpdate) -> Result<bool, Error> {
        if let Some(error) = inner.failed.take() {
            return Err(error);
        }
        if self.0.panicked.load(Ordering::SeqCst) {
            return Err(Error::panicked());
        }
        let needs_cookie = match cookie {
            CookieUpdate::Set => true,
            // A session in a store ends with or without its cookie.
            CookieUpdate::Remove => inner.state.carrier() == Carrier::Record,
            CookieUpdate::Keep | _ => false,
        };
        match inner.phase {
            // A touch can wait for the next request.
            Phase::HeadersSent if needs_cookie && plan == Plan::Touch => Ok(false),
            Phase::HeadersSent if needs_cookie => Err(Error::headers_sent()),
            Phase::HeadersSent | Phase::Running => Ok(plan != Plan::Nothing),
        }
    }

    /// Begins the next commit, if there is something to commit and `allowed` agrees.
    fn next_step(
        &self,
        allowed: impl FnOnce(&Self, &mut Inner, Plan, CookieUpdate) -> Result<bool, Error>,
    ) -> Result<Step, Error> {
        let now = self.now();
        let mut inner = self.inner();
        if let Some(running) = inner.under_way.take() {
            return Ok(Step::Earlier(running));
        }
        if let Some(commit) = inner.unconfirmed.take() {
            return Ok(Step::Earlier(self.start(*commit)));
        }
        let (plan, cookie) = inner.state.plan(now);
        if !allowed(self, &mut inner, plan, cookie)? {
            return Ok(Step::Nothing);
        }
        let commit = inner.state.begin_commit(now, fill)?;
        Ok(Step::Own(self.start(commit)))
    }

    /// Hands a commit to the factory.
    fn start(&self, commit: Commit) -> Running {
        Arc::clone(&self.0.engine.factory).commit(commit)
    }

    /// Takes in the outcome of a commit.
    pub(super) fn conclude(&self, commit: Commit, outcome: Result<Committed, Error>) -> Result<(), Error> {
        let committed = match outcome {
            Ok(committed) => committed,
            Err(error) => {
                if error.is_unavailable() {
                    // It may have been carried out: a later commit must not apply its changes
                    // again.
                    self.inner().unconfirmed = Some(Box::new(commit.resumed()));
                } else {
                    self.inner().state.withdraw(&commit);
                }
                return Err(error);
            }
        };
        // First of all: what was committed must reach the browser, whatever comes next.
        supersede(&mut self.inner().cookies, committed.cookies);
        let mut settled = committed.session;
        for _ in 0..MOST_REBASES {
            let since = self.inner().state.since(&commit);
            // Closures of the application run here, so the lock is free.
            let rebased = since.rebase(&settled);
            let (absorbed, _closures) = {
                let mut inner = self.inner();
                // Dropped after the lock is released: see `write_keeping`.
                let closures = inner.state.log().closures();
                (inner.state.absorb(&commit, settled, rebased), closures)
            };
            match absorbed {
                Absorbed::Done => return Ok(()),
                Absorbed::Failed(error) => return Err(error.into()),
                Absorbed::Outdated(again) => settled = *again,
            }
        }
        self.inner().state.absorb_alone(&commit, settled);
        Err(Error::contended("update"))
    }

    /// Begins the commit at the end of the request, for a response with this status.
    ///
    /// Nothing that handlers do from now on belongs to the request.
    pub(crate) fn finish(&self, status: u16) -> Ending {
        self.inner().phase = Phase::HeadersSent;
        let waits = |inner: &Inner| inner.under_way.is_some() || inner.unconfirmed.is_some();
        let turn = match self.try_turn() {
            Some(turn) if !waits(&self.inner()) => turn,
            // Another commit of this session is under way: a rare case, in a box of its own.
            _ => return Ending::Waiting(Some(Box::pin(self.clone().finish_after_others(status)))),
        };
        match self.next_step(|session, inner, plan, _| session.last(inner, plan, status)) {
            Ok(Step::Nothing) => Ending::Done(Some(Ok(()))),
            Ok(Step::Earlier(running) | Step::Own(running)) => Ending::Driving(Driver::new(turn, running)),
            Err(error) => Ending::Done(Some(Err(error))),
        }
    }

    async fn finish_after_others(self, status: u16) -> Result<(), Error> {
        loop {
            let turn = self.turn().await;
            match self.next_step(|session, inner, plan, _| session.last(inner, plan, status))? {
                Step::Nothing => return Ok(()),
                Step::Earlier(running) => Driver::new(turn, running).await?,
                Step::Own(running) => return Driver::new(turn, running).await,
            }
        }
    }

    /// Whether a plan is carried out at the end of the request.
    fn last(&self, inner: &mut Inner, plan: Plan, status: u16) -> Result<bool, Error> {
        let failed = inner.failed.take();
        if self.0.refused.load(Ordering::SeqCst) {
            if plan != Plan::Nothing {
                tracing::warn!(?plan, "session changes dropped: the request was refused");
            }
            return Ok(false);
        }
        if self.0.panicked.load(Ordering::SeqCst) {
            if plan == Plan::Nothing {
                return Ok(false);
            }
            tracing::warn!(?plan, "session changes dropped: the handler, or a task of it, panicked");
            // A response that is an error already tells the client as much.
            return if status < 500 { Err(Error::panicked()) } else { Ok(false) };
        }
        if !self.0.engine.policy.commits(status) {
            return Ok(false);
        }
        failed.map_or(Ok(plan != Plan::Nothing), Err)
    }

    /// The cookies of everything that was committed, for the response.
    pub(crate) fn take_cookies(&self) -> Vec<SetCookie> {
        mem::take(&mut self.inner().cookies)
    }

    /// Drops the changes of a request that was refused. Its response stands.
    pub(crate) fn refuse(&self) {
        self.0.refused.store(true, Ordering::SeqCst);
    }

    /// Fails the commit: a holder of this session has panicked.
    pub(super) fn panicked(&self) {
        self.0.panicked.store(true, Ordering::SeqCst);
    }
}

/// Replaces the cookies of an earlier commit by those of a later one, name by name.
fn supersede(cookies: &mut Vec<SetCookie>, later: Vec<SetCookie>) {
    if cookies.is_empty() {
        *cookies = later;
        return;
    }
    cookies.retain(|cookie| later.iter().all(|it| it.name() != cookie.name()));
    cookies.extend(later);
}
