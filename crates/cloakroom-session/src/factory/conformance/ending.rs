//! Ending: an ended session stays ended, and only the end of a session removes a cookie.

use std::pin::pin;
use std::task::Poll;

use cloakroom_core::SetCookie;

use super::bench::{App, Bench, Browser, KEY, Outcome, SECOND, VALUE, Wrong, ensure, open, same, silent};
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::session::Session;

pub(super) fn sign_out(session: &Session) -> Result<(), Error> {
    session.invalidate();
    Ok(())
}

pub(super) async fn invalidate_removes_the_cookie_as_it_was_set<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let expected = browser.values().len();
    // The browser compares attributes, and rejects a name that occurs twice.
    let cookies = browser.visit(&app, sign_out).await?.1;
    same("the number of Set-Cookie lines", &cookies.len(), &expected)?;
    ensure(browser.is_empty(), "the browser keeps a cookie after the sign-out")
}

pub(super) async fn an_ended_session_opens_nothing<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let (copy, kept) = (browser.clone(), it.kept());
    browser.visit(&app, sign_out).await?;
    ensure(!copy.opens(&app).await?, "a copy of its cookie opens it")?;
    same("the number of sessions", &it.kept(), &kept.map(|kept| kept.saturating_sub(1)))
}

pub(super) async fn a_moved_id_opens_nothing<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let copy = browser.clone();
    browser.visit(&app, cycle).await?;
    ensure(!copy.opens(&app).await?, "a cookie from before the cycle opens the session")?;
    let mut late = copy.clone();
    let cookies = late.visit(&app, |session| session.get::<String>(KEY).map(drop)).await?.1;
    silent("a read with a superseded id", &cookies)?;
    ensure(browser.opens(&app).await?, "the session is gone")
}

fn cycle(session: &Session) -> Result<(), Error> {
    session.cycle_id();
    Ok(())
}

pub(super) async fn invalidate_of_nothing_is_silent<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    silent("a new session", &Browser::default().visit(&app, sign_out).await?.1)?;
    let written = |session: &Session| {
        session.insert(KEY, VALUE)?;
        session.invalidate();
        Ok(())
    };
    silent("a new session that was written", &Browser::default().visit(&app, written).await?.1)?;
    let visitor = app.visitor().await?;
    let name = visitor.first_name()?;
    let id = crate::clock::fresh_id()?.expose();
    for (case, header) in [
        ("a cookie that is nonsense", format!("{name}=nonsense")),
        ("an id that was never given", format!("{name}={id}")),
    ] {
        let request = open(&app, header.as_bytes()).await?;
        request.session.invalidate();
        silent(case, &request.end().await?)?;
    }
    Ok(())
}

pub(super) async fn a_second_end_is_silent<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let mut copy = browser.clone();
    // One that opened the session while it existed, and one that comes later.
    let slow = browser.begin(&app).await?;
    browser.visit(&app, sign_out).await?;
    slow.session.invalidate();
    silent("a slow sign-out, after another one", &slow.end().await?)?;
    silent("a sign-out with the cookie of an ended session", &copy.visit(&app, sign_out).await?.1)
}

pub(super) async fn invalidate_then_write_begins_anew<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let (before, token) = (browser.clone(), browser.look(&app, Session::csrf_token).await?);
    let begin_anew = |session: &Session| {
        session.invalidate();
        session.insert("new", true)
    };
    browser.visit(&app, begin_anew).await?;
    ensure(!browser.is_empty(), "no cookie is sent for the new session")?;
    let shared = browser.values().iter().any(|value| before.values().contains(value));
    ensure(!shared, "the new session has the id of the old one")?;
    let request = browser.begin(&app).await?;
    let session = &request.session;
    same("the keys of the new session", &session.keys(), &vec!["new".to_owned()])?;
    same("its messages", &session.peek_flash::<String>(), &Vec::new())?;
    ensure(session.csrf_token()? != token, "its CSRF token is that of the old one")?;
    request.end().await?;
    ensure(!it.can.revokes || !before.opens(&app).await?, "the old session goes on")
}

/// If sessions are counted, every step of the commit is observed: their number must never grow.
pub(super) async fn the_end_comes_before_the_beginning<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let Some(_) = it.kept() else { return Ok(()) };
    let app = it.app();
    let mut browser = app.visitor().await?;
    let before = it.kept();
    let request = browser.begin(&app).await?;
    request.session.invalidate();
    request.session.insert(KEY, VALUE)?;
    let mut most = before;
    let mut end = pin!(request.end());
    let cookies = std::future::poll_fn(|cx| {
        let step = end.as_mut().poll(cx);
        if step.is_pending() {
            most = most.max(it.kept());
        }
        step.map(Poll::Ready)
    });
    let Poll::Ready(cookies) = cookies.await else { return Ok(()) };
    browser.take(&cookies?)?;
    ensure(most == before, "the new session existed before the old one had ended")?;
    same("the number of sessions afterwards", &it.kept(), &before)
}

pub(super) async fn a_session_that_was_just_kept_can_be_ended<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let before = it.kept();
    let mut browser = app.visitor().await?;
    let request = browser.begin(&app).await?;
    request.session.insert("step", 1)?;
    request.session.commit_now().await?;
    request.session.invalidate();
    browser.take(&request.end().await?)?;
    ensure(browser.is_empty(), "the browser keeps a cookie")?;
    same("the number of sessions", &it.kept(), &before)
}

/// The changes that a slow request may make to its session before it commits.
type Slow = (&'static str, fn(&App, &Session) -> Result<(), Error>);

const SLOW: &[Slow] = &[
    ("a write", |_, it| it.insert(KEY, VALUE)),
    ("an update", |_, it| it.update("count", |count: &mut u32| *count += 1)),
    ("a message", |_, it| {
        it.flash("late");
        Ok(())
    }),
    ("a pop", |_, it| {
        let _ = it.pop_flash::<String>();
        Ok(())
    }),
    ("a new token", |_, it| it.new_csrf_token().map(drop)),
    ("changed", |_, it| {
        it.changed();
        Ok(())
    }),
    ("a cycle", |_, it| cycle(it)),
    ("a sign-in", |_, it| {
        it.set_owner("ann");
        Ok(())
    }),
    ("a touch", |app, it| {
        // Late enough for a touch, but before any deadline.
        let ends = it.expires_at().unwrap_or_else(|| app.now() + SECOND * 600);
        let left = ends.unix_secs().saturating_sub(app.now().unix_secs());
        app.set(app.now() + SECOND * u32::try_from(left / 2).unwrap_or(u32::MAX));
        Ok(())
    }),
];

pub(super) async fn a_slow_request_revives_nothing<F: SessionFactory>(it: Bench<F>) -> Outcome {
    for (case, act) in SLOW {
        let app = it.app();
        let mut browser = app.visitor().await?;
        let (copy, slow) = (browser.clone(), browser.begin(&app).await?);
        browser.visit(&app, sign_out).await?;
        let kept = it.kept();
        act(&app, &slow.session)?;
        silent(&format!("{case}, after a sign-out"), &slow.end().await.map_err(|why| why.within(case))?)?;
        ensure(!copy.opens(&app).await?, format!("{case}: the session was revived"))?;
        let is_new = copy.look(&app, |session| Ok(session.is_empty())).await?;
        ensure(is_new, format!("{case}: a part of the session was revived"))?;
        same(&format!("{case}: the number of sessions"), &it.kept(), &kept)?;
    }
    Ok(())
}

pub(super) async fn a_slow_request_undoes_no_move<F: SessionFactory>(it: Bench<F>) -> Outcome {
    for (case, act) in SLOW {
        let app = it.app();
        let mut browser = app.visitor().await?;
        let (copy, slow) = (browser.clone(), browser.begin(&app).await?);
        browser.visit(&app, cycle).await?;
        let kept = it.kept();
        act(&app, &slow.session)?;
        silent(&format!("{case}, after a cycle"), &slow.end().await.map_err(|why| why.within(case))?)?;
        ensure(!copy.opens(&app).await?, format!("{case}: the old id opens the session again"))?;
        ensure(browser.opens(&app).await?, format!("{case}: the session is gone"))?;
        same(&format!("{case}: the number of sessions"), &it.kept(), &kept)?;
    }
    Ok(())
}

pub(super) async fn dropped_is_not_ended<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let slow = browser.begin(&app).await?;
    browser.visit(&app, sign_out).await?;
    slow.session.insert("late", 1)?;
    slow.session.commit_now().await?;
    ensure(slow.session.is_detached(), "after a commit that was dropped the session isn't detached")?;
    ensure(slow.session.is_empty(), "after a commit that was dropped the session isn't empty")?;
    let kept = it.kept();
    // If the browser has signed in again, this request must not send it another session.
    slow.session.insert("later", 1)?;
    silent("a write after a commit that was dropped", &slow.end().await?)?;
    same("the number of sessions", &it.kept(), &kept)
}

pub(super) async fn a_sign_out_follows_the_move<F: SessionFactory>(it: Bench<F>) -> Outcome {
    for case in ["opened before the move", "opened after the move"] {
        let app = it.app();
        let mut browser = app.visitor().await?;
        let copy = browser.clone();
        let mut slow = copy.begin(&app).await?;
        browser.visit(&app, cycle).await?;
        if case == "opened after the move" {
            slow = copy.begin(&app).await?;
        }
        slow.session.invalidate();
        let cookies = slow.end().await.map_err(|why: Wrong| why.within(case))?;
        ensure(!browser.opens(&app).await?, format!("{case}: the session still exists under its new id"))?;
        // A migration removes the cookies of both its sides.
        let names: std::collections::BTreeSet<_> = cookies.iter().map(SetCookie::name).collect();
        ensure(!names.is_empty(), format!("{case}: no cookie is removed"))?;
        same(&format!("{case}: the number of removals"), &cookies.len(), &names.len())?;
        let is_removal = |cookie: &SetCookie| cookie.as_str().contains("; Max-Age=0");
        ensure(cookies.iter().all(is_removal), format!("{case}: a cookie is set"))?;
        browser.take(&cookies)?;
        ensure(browser.is_empty(), format!("{case}: the browser keeps a cookie"))?;
    }
    Ok(())
}

/// Writers and a sign-out that run in parallel.
pub(super) async fn a_race_with_a_sign_out_leaves_nothing<F: SessionFactory>(it: Bench<F>) -> Outcome {
    for round in 0..it.can.rounds {
        let app = it.app();
        let browser = app.visitor().await?;
        let mut tasks = Vec::new();
        for racer in 0..4_usize {
            let request = browser.begin(&app).await?;
            tasks.push(tokio::spawn(async move {
                match racer {
                    0 => request.session.invalidate(),
                    1 => request.session.insert(KEY, VALUE)?,
                    2 => request.session.update("count", |count: &mut usize| *count += 1)?,
                    _ => request.session.flash("late"),
                }
                request.end().await.map(|cookies| (racer, cookies))
            }));
        }
        for task in tasks {
            let (racer, cookies) = task.await??;
            // A session that moves sends both: the removal of one cookie, and another one.
            let removes = !cookies.is_empty() && cookies.iter().all(|it| it.as_str().contains("Max-Age=0"));
            ensure(racer == 0 || !removes, "a request that only writes removes the cookie")?;
        }
        let left = browser.look(&app, |session| Ok(!session.is_empty() || !session.is_new())).await?;
        ensure(!left || !browser.opens(&app).await?, format!("round {round}: the session was revived"))?;
    }
    Ok(())
}
