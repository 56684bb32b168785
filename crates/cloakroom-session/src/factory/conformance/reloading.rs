//! Reloading: a stream learns that its session has changed, moved or ended.

use super::bench::{Bench, KEY, Outcome, Request, SECOND, VALUE, ensure, same, silent};
use super::ending::sign_out;
use crate::factory::SessionFactory;

pub(super) async fn a_reload_goes_on<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let stream = app.visitor().await?.begin(&app).await?;
    ensure(stream.session.refresh().await?, "a session that still exists is reported as ended")?;
    same("a value after a reload", &stream.session.get::<String>(KEY)?.as_deref(), &Some(VALUE))
}

pub(super) async fn a_reload_shows_what_others_wrote<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let stream = browser.begin(&app).await?;
    browser.visit(&app, |session| session.insert("news", 1)).await?;
    ensure(stream.session.refresh().await?, "a session that still exists is reported as ended")?;
    same("the value of another request", &stream.session.get::<u32>("news")?, &Some(1))?;
    // Later changes are made to the reloaded value.
    stream.session.update("news", |news: &mut u32| *news += 1)?;
    stream.end().await?;
    same("an update after a reload", &browser.look(&app, |it| it.get::<u32>("news")).await?, &Some(2))
}

/// Checks that the session is detached after the reload, so that later writes don't revive it.
async fn ended(case: &str, stream: Request) -> Outcome {
    ensure(!stream.session.refresh().await?, format!("{case}: it is reported as alive"))?;
    ensure(stream.session.is_detached() && stream.session.is_empty(), format!("{case}: it isn't detached"))?;
    stream.session.insert("late", 1)?;
    silent(&format!("{case}: a write after a reload"), &stream.end().await?)
}

pub(super) async fn a_reload_says_that_it_has_ended<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let (copy, stream) = (browser.clone(), browser.begin(&app).await?);
    browser.visit(&app, sign_out).await?;
    ended("ended", stream).await?;
    ensure(!copy.opens(&app).await?, "the session was revived")
}

pub(super) async fn a_reload_says_that_it_has_moved<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let stream = browser.begin(&app).await?;
    let cycle = |session: &crate::session::Session| {
        session.cycle_id();
        Ok(())
    };
    browser.visit(&app, cycle).await?;
    ended("moved", stream).await?;
    ensure(browser.opens(&app).await?, "the session is gone")
}

pub(super) async fn a_reload_ends_at_the_deadline<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let stream = app.visitor().await?.begin(&app).await?;
    let Some(ends) = stream.session.expires_at() else { return Ok(()) };
    app.set(ends + SECOND);
    ended("expired", stream).await
}

pub(super) async fn a_reload_is_refused_honestly<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let stream = app.visitor().await?.begin(&app).await?;
    match stream.session.refresh().await {
        Err(error) if error.is_unsupported() => Ok(()),
        Err(error) => Err(error.into()),
        Ok(alive) => ensure(false, format!("it supports reloading after all, and returned {alive}")),
    }
}
