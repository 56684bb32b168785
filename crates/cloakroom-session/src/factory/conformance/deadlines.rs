//! Deadlines: a session is valid at its deadline, and no longer a second later.

use super::bench::{Bench, Outcome, SECOND, ensure, same, silent};
use crate::factory::SessionFactory;

pub(super) async fn valid_at_its_deadline_and_not_after<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let browser = app.visitor().await?;
    let ends = browser.look(&app, |session| Ok(session.expires_at())).await?;
    let Some(ends) = ends else { return Ok(()) };
    ensure(ends > app.now(), "the session has a deadline that has passed")?;
    let ends = cloakroom_core::Timestamp::from_unix_secs(ends.unix_secs());
    // Not opened before, because a touch would extend the deadline.
    app.set(ends);
    let opened = browser.begin(&app).await?;
    ensure(opened.session.contains_key(super::bench::KEY), "it doesn't open at its deadline")?;
    drop(opened);
    app.set(ends + SECOND);
    ensure(!browser.opens(&app).await?, "it opens a second after its deadline")
}

pub(super) async fn a_read_extends_the_deadline<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let ends = browser.look(&app, |session| Ok(session.expires_at())).await?;
    let Some(ends) = ends else { return Ok(()) };
    // With a quarter of the time left, every touch interval has passed.
    let left = ends.unix_secs().saturating_sub(app.now().unix_secs());
    app.set(app.now() + SECOND * u32::try_from(left / 4 * 3).unwrap_or(u32::MAX));
    browser.visit(&app, |_| Ok(())).await?;
    app.set(ends + SECOND);
    ensure(browser.opens(&app).await?, "a read doesn't extend the deadline")?;
    let messages = browser.look(&app, |session| Ok(session.peek_flash::<String>())).await?;
    same("the messages after a touch", &messages, &vec!["waiting".to_owned()])
}

pub(super) async fn an_expired_cookie_is_ignored<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let browser = app.visitor().await?;
    let ends = browser.look(&app, |session| Ok(session.expires_at())).await?;
    let Some(ends) = ends else { return Ok(()) };
    app.set(ends + SECOND);
    let mut late = browser.clone();
    let (empty, cookies) = late.visit(&app, |session| Ok(session.is_empty())).await?;
    ensure(empty, "it opens")?;
    silent("an expired session that is read", &cookies)?;
    let cookies = browser.clone().visit(&app, super::ending::sign_out).await?.1;
    silent("an expired session that is ended", &cookies)
}

pub(super) async fn expired_in_mid_request_is_dropped<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let browser = app.visitor().await?;
    let slow = browser.begin(&app).await?;
    let Some(ends) = slow.session.expires_at() else { return Ok(()) };
    app.set(ends + SECOND);
    slow.session.insert("late", 1)?;
    silent("a write to a session that has expired in the meantime", &slow.end().await?)?;
    let late = browser.look(&app, |session| session.get::<u32>("late")).await?;
    same("a value that was written too late", &late, &None)
}
