//! Looking again: a stream learns that its session has changed, moved or ended.

use super::bench::{Bench, KEY, Outcome, Request, SECOND, VALUE, ensure, same, silent};
use super::ending::sign_out;
use crate::factory::SessionFactory;

pub(super) async fn a_reload_goes_on<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let stream = app.visitor().await?.begin(&app).await?;
    ensure(stream.session.refresh().await?, "a session that goes on is said to have ended")?;
    same("a value after a reload", &stream.session.get::<String>(KEY)?.as_deref(), &Some(VALUE))
}

pub(super) async fn a_reload_shows_what_others_wrote<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let stream = browser.begin(&app).await?;
    browser.visit(&app, |session| session.insert("news", 1)).await?;
    ensure(stream.session.refresh().await?, "a session that goes on is said to have ended")?;
    same("what another request wrote", &stream.session.get::<u32>("news")?, &Some(1))?;
    // What is changed then is written on top of it.
    stream.session.update("news", |news: &mut u32| *news += 1)?;
    stream.end().await?;
    same("an update after a reload", &browser.look(&app, |it| it.get::<u32>("news")).await?, &Some(2))
}

/// After it was told so, the session is detached: nothing that is written to it comes back.
async fn ended(case: &str, stream: Request) -> Outcome {
    ensure(!stream.session.refresh().await?, format!("{case}: it is said to go on"))?;
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
    ensure(!copy.opens(&app).await?, "the session is there again")
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
        Ok(goes_on) => ensure(false, format!("it looks again after all, and says {goes_on}")),
    }
}
