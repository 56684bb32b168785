//! Resuming: a commit whose reply was lost is resolved, and never applied twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_core::{Commit, CookieHeader, SessionState, Timestamp};

use super::bench::{App, Bench, Browser, KEY, Outcome, VALUE, ensure, same};
use crate::error::Error;
use crate::factory::{Committed, SessionFactory};
use crate::session::Session;

/// A factory that carries commits out, but loses the replies of some.
#[derive(Debug)]
struct LosesAnswers<F> {
    inner: Arc<F>,
    left: AtomicUsize,
}

impl<F: SessionFactory> SessionFactory for LosesAnswers<F> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        self.inner.open(cookies, now).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let committed = self.inner.commit(commit).await?;
        let lost = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match lost {
            Ok(_) => Err(Error::unavailable("the answer was lost")),
            Err(_) => Ok(committed),
        }
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        self.inner.reload(session, now).await
    }
}

/// Sends a request whose commit gets a reply only when it is retried.
async fn unanswered<F: SessionFactory>(
    it: &Bench<F>,
    app: &App,
    browser: &mut Browser,
    act: impl FnOnce(&Session) -> Result<(), Error> + Send,
) -> Outcome {
    // Twice, because the reply of a resumed commit may be lost, too.
    let lossy = App::new(LosesAnswers { inner: Arc::clone(&it.factory), left: AtomicUsize::new(2) });
    lossy.set(app.now());
    let request = browser.begin(&lossy).await?;
    act(&request.session)?;
    for _ in 0..2 {
        let Err(error) = request.session.commit_now().await else {
            // Nothing was committed whose reply could be lost.
            return ensure(false, "a commit was due, and none was begun");
        };
        if !error.is_unavailable() {
            return Err(error.into());
        }
    }
    browser.take(&request.end().await?)
}

pub(super) async fn a_resumed_write_is_applied_once<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let write = |session: &Session| {
        session.update("count", |count: &mut u32| *count += 1)?;
        session.flash("once");
        Ok(())
    };
    unanswered(&it, &app, &mut browser, write).await?;
    let found = browser.look(&app, |it| Ok((it.get("count")?, it.peek_flash::<String>().len()))).await?;
    same("the count, and the number of messages", &found, &(Some(1), 2))
}

/// The same for a commit that was replayed on the changes of another request.
pub(super) async fn a_resumed_replay_is_applied_once<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let lossy = App::new(LosesAnswers { inner: Arc::clone(&it.factory), left: AtomicUsize::new(1) });
    lossy.set(app.now());
    let request = browser.begin(&lossy).await?;
    browser.clone().visit(&app, |session| session.update("count", |count: &mut u32| *count += 10)).await?;
    request.session.update("count", |count: &mut u32| *count += 1)?;
    ensure(request.session.commit_now().await.is_err(), "the answer wasn't lost")?;
    browser.take(&request.end().await?)?;
    let count = browser.look(&app, |session| session.get::<u32>("count")).await?;
    same("the count after a replay without an answer", &count, &Some(11))
}

pub(super) async fn a_resumed_creation_is_one_session<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let before = it.kept();
    let mut browser = Browser::default();
    let create = |session: &Session| {
        session.insert(KEY, VALUE)?;
        session.update("count", |count: &mut u32| *count += 1)
    };
    unanswered(&it, &app, &mut browser, create).await?;
    ensure(browser.opens(&app).await?, "the session doesn't open")?;
    let count = browser.look(&app, |session| session.get::<u32>("count")).await?;
    same("the count", &count, &Some(1))?;
    same("the number of sessions", &it.kept(), &before.map(|before| before + 1))?;

    let begin_anew = |session: &Session| {
        session.invalidate();
        session.insert(KEY, VALUE)
    };
    unanswered(&it, &app, &mut browser, begin_anew).await?;
    ensure(browser.opens(&app).await?, "the session that begins after an end doesn't open")?;
    same("the number of sessions after an end", &it.kept(), &before.map(|before| before + 1))
}

pub(super) async fn a_resumed_cycle_keeps_the_session<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let (copy, before) = (browser.clone(), it.kept());
    let cycle = |session: &Session| {
        session.cycle_id();
        session.update("count", |count: &mut u32| *count += 1)
    };
    unanswered(&it, &app, &mut browser, cycle).await?;
    ensure(browser.opens(&app).await?, "the session is gone")?;
    let count = browser.look(&app, |session| session.get::<u32>("count")).await?;
    same("the count", &count, &Some(1))?;
    same("the number of sessions", &it.kept(), &before)?;
    ensure(!it.can.revokes || !copy.opens(&app).await?, "the old id opens the session")
}

pub(super) async fn a_resumed_end_has_ended<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let copy = browser.clone();
    // The removal may be in the lost response, so a browser may keep the cookie of an ended
    // session.
    unanswered(&it, &app, &mut browser, super::ending::sign_out).await?;
    ensure(!it.can.revokes || !copy.opens(&app).await?, "the session goes on")
}
