//! Committing: one commit of a session at a time, each run to completion.
//!
//! `commit_now` and the end of the request both begin a commit here and pass it to a [`Driver`].

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cloakroom_core::{Absorbed, Commit, CookiePayload, CookieUpdate, Plan, SetCookie};

use super::driver::{Driver, Ending};
use super::{Inner, Phase, Session};
use crate::clock::fill;
use crate::dyn_factory::Running;
use crate::effects::ResponseEffects;
use crate::error::Error;
use crate::factory::Committed;

/// The next commit of a session.
enum Step {
    Nothing,
    /// A commit that was begun before. Its outcome is not the caller's.
    Earlier(Running),
    Own(Running),
}

/// Give up rebasing after this many attempts. An attempt is repeated only if the session changed in
/// the meantime, that is, if an update closure itself changes the session on every run.
const MOST_REBASES: usize = 1000;

impl Session {
    /// Commits all changes so far, before the response.
    ///
    /// For streams, WebSockets and background work. Each change is committed exactly once. If this
    /// future is dropped, the commit that it has begun continues in the background. If the store
    /// doesn't answer, the outcome is unknown; the next commit, at the latest the one at the end of
    /// the request, determines that outcome before it commits anything else.
    ///
    /// # Errors
    /// Returns the errors of a commit at the end of a request. Returns an error if a task that
    /// holds a clone of the session has panicked. Returns an error with [`Error::is_headers_sent`]
    /// if the response headers have been sent and the commit needs a cookie, which every commit of
    /// a cookie session does.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::sync::Arc;
    /// # use cloakroom_session::adapter::{CookieHeader, SessionSlot};
    /// # use cloakroom_session::{CookieSessions, Engine, Key};
    /// # let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// # let slot = SessionSlot::new(Arc::new(Engine::new(CookieSessions::encrypted(key).build()?)));
    /// # let session = slot.open(CookieHeader::default()).await?;
    /// session.insert("job", "queued")?;
    /// session.commit_now().await?;
    /// session.insert("job", "running")?;      // part of the next commit
    /// assert_eq!(session.get::<String>("job")?.as_deref(), Some("running"));
    /// # assert_eq!(slot.finish(200).await?.cookies.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
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
                    // A failed commit may be retried. Until then, the changes count as lost.
                    self.inner().late |= late && outcome.is_err();
                    return outcome;
                }
            }
        }
    }

    /// Returns whether `plan` may be carried out before the end of the request.
    fn early(&self, inner: &mut Inner, plan: Plan, cookie: CookieUpdate) -> Result<bool, Error> {
        if let Some(error) = inner.failed.take() {
            return Err(error);
        }
        if self.0.panicked.load(Ordering::SeqCst) {
            return Err(Error::panicked());
        }
        let needs_cookie = match cookie {
            CookieUpdate::Set => true,
            // The store ends the session whether or not the browser drops its cookie.
            CookieUpdate::Remove => inner.state.payload() == CookiePayload::Record,
            CookieUpdate::Keep | _ => false,
        };
        match inner.phase {
            // A touch can wait for the next request.
            Phase::HeadersSent if needs_cookie && plan == Plan::Touch => Ok(false),
            Phase::HeadersSent if needs_cookie => Err(Error::headers_sent()),
            Phase::HeadersSent | Phase::Running => Ok(plan != Plan::Nothing),
        }
    }

    /// Begins the next commit, if there is something to commit and `allowed` permits it.
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

    /// Passes a commit to the factory.
    fn start(&self, commit: Commit) -> Running {
        Arc::clone(&self.0.engine.factory).commit(commit)
    }

    /// Merges the outcome of a commit into the session.
    pub(super) fn conclude(&self, commit: Commit, outcome: Result<Committed, Error>) -> Result<(), Error> {
        let committed = match outcome {
            Ok(committed) => committed,
            Err(error) => {
                if error.is_unavailable() {
                    // The commit may have succeeded: a later one must not apply its changes again.
                    self.inner().unconfirmed = Some(Box::new(commit.resumed()));
                } else {
                    self.inner().state.withdraw(&commit);
                }
                return Err(error);
            }
        };
        // Before anything else: the cookie of a completed commit must reach the browser.
        supersede(&mut self.inner().cookies, committed.cookies);
        let mut settled = committed.session;
        for _ in 0..MOST_REBASES {
            let since = self.inner().state.since(&commit);
            // Closures of the application run here, so the lock is not held.
            let rebased = since.rebase(&settled);
            let (absorbed, _closures) = {
                let mut inner = self.inner();
                // Dropped after the lock is released: see `write_keeping`.
                let closures = inner.state.log().closures();
                (inner.state.merge_commit(&commit, settled, rebased), closures)
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
    /// Changes that handlers make after this call are not part of the request.
    pub(crate) fn finish(&self, status: u16) -> Ending {
        self.inner().phase = Phase::HeadersSent;
        let waits = |inner: &Inner| inner.under_way.is_some() || inner.unconfirmed.is_some();
        let turn = match self.try_turn() {
            Some(turn) if !waits(&self.inner()) => turn,
            // Another commit of this session is running. This is rare, so it is boxed.
            _ => return Ending::Waiting(Some(Box::pin(self.clone().finish_after_others(status)))),
        };
        match self.next_step(|session, inner, plan, _| session.last(inner, plan, status)) {
            Ok(Step::Nothing) => Ending::Done(Some(Ok(()))),
            Ok(Step::Earlier(running) | Step::Own(running)) => Ending::Driving(Driver::new(turn, running)),
            Err(error) => Ending::Done(Some(Err(error))),
        }
    }

    /// Returns whether a response with this status commits the changes of the handler.
    pub(crate) fn commits(&self, status: u16) -> bool {
        let dropped = [&self.0.refused, &self.0.panicked, &self.0.unfinished];
        self.0.engine.policy.commits(status) && !dropped.iter().any(|it| it.load(Ordering::SeqCst))
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

    /// Returns whether `plan` is carried out at the end of the request.
    fn last(&self, inner: &mut Inner, plan: Plan, status: u16) -> Result<bool, Error> {
        let failed = inner.failed.take();
        if self.0.refused.load(Ordering::SeqCst) {
            if plan != Plan::Nothing {
                tracing::warn!(?plan, changes = %inner.state.log(), "session changes dropped: the request was refused");
            }
            return Ok(false);
        }
        if self.0.panicked.load(Ordering::SeqCst) {
            if plan == Plan::Nothing {
                return Ok(false);
            }
            tracing::warn!(?plan, changes = %inner.state.log(), "session changes dropped: the handler, or a task of it, panicked");
            // A 5xx response already tells the client that the request failed.
            return if status < 500 { Err(Error::panicked()) } else { Ok(false) };
        }
        if self.0.unfinished.load(Ordering::SeqCst) {
            if plan != Plan::Nothing {
                tracing::warn!(
                    ?plan,
                    changes = %inner.state.log(),
                    "session changes dropped: the handler was dropped before it returned, by a timeout or a select!"
                );
            }
            return Ok(false);
        }
        if !self.0.engine.policy.commits(status) {
            return Ok(false);
        }
        failed.map_or(Ok(plan != Plan::Nothing), Err)
    }

    /// Takes the cookies of all commits of this request, for the response.
    ///
    /// `domain` is the place of the request's host in the engine's list of domains.
    pub(crate) fn take_cookies(&self, domain: Option<u16>) -> Vec<SetCookie> {
        let cookies = mem::take(&mut self.inner().cookies);
        match (&self.0.engine.domains, domain) {
            (Some(domains), Some(place)) => cookies.into_iter().map(|cookie| domains.apply(place, cookie)).collect(),
            _ => cookies,
        }
    }

    /// Adds the effects on a response whose changes were committed.
    ///
    /// `domain` is the place of the request's host in the engine's list of domains.
    ///
    /// `commits` is `false` if the end of the request commits nothing.
    pub(crate) fn committed_effects(&self, effects: &mut ResponseEffects, domain: Option<u16>, commits: bool) {
        if commits && self.0.clears_site.load(Ordering::Relaxed) {
            effects.headers.push(("clear-site-data", r#""cookies", "storage""#.to_owned()));
        }
        #[cfg(feature = "dbsc")]
        self.device_effects(effects, domain, commits);
        #[cfg(not(feature = "dbsc"))]
        let _ = domain;
    }

    /// Drops the changes of a refused request. Its response is sent unchanged.
    pub(crate) fn refuse(&self) {
        self.0.refused.store(true, Ordering::SeqCst);
    }

    /// Drops the changes of a request whose handler was dropped before it returned.
    pub(crate) fn unfinished(&self) {
        self.0.unfinished.store(true, Ordering::SeqCst);
    }

    /// Fails the commit because a holder of this session has panicked.
    pub(super) fn panicked(&self) {
        self.0.panicked.store(true, Ordering::SeqCst);
    }
}

/// Replaces cookies of an earlier commit with those of a later one, by name.
fn supersede(cookies: &mut Vec<SetCookie>, later: Vec<SetCookie>) {
    if cookies.is_empty() {
        *cookies = later;
        return;
    }
    cookies.retain(|cookie| later.iter().all(|it| it.name() != cookie.name()));
    cookies.extend(later);
}
