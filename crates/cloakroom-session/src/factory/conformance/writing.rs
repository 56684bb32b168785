//! Writing: each change is kept, and a new id keeps exactly the expected data.

use cloakroom_core::CookieHeader;

use super::bench::{Bench, KEY, Outcome, VALUE, Wrong, ensure, same};
use crate::error::Error;
use crate::factory::{SessionFactory, begin_commit};
use crate::session::Session;

/// A change, and its effect on a later request.
type Row = (&'static str, fn(&Session) -> Result<(), Error>, fn(&Session) -> Result<bool, Error>);

const ROWS: &[Row] = &[
    ("insert", |it| it.insert("new", 1), |it| Ok(it.get("new")? == Some(1) && it.contains_key(KEY))),
    ("insert over another", |it| it.insert(KEY, "other"), |it| Ok(it.get::<String>(KEY)?.as_deref() == Some("other"))),
    (
        "remove",
        |it| {
            it.insert("other", 1)?;
            it.remove(KEY);
            Ok(())
        },
        |it| Ok(!it.contains_key(KEY) && it.get("other")? == Some(1)),
    ),
    ("update", |it| it.update("count", |count: &mut u32| *count += 2), |it| Ok(it.get("count")? == Some(2))),
    ("extend", |it| it.extend([("a", 1), ("b", 2)]), |it| Ok((it.get("a")?, it.get("b")?) == (Some(1), Some(2)))),
    (
        "get_mut",
        |it| {
            if let Some(mut value) = it.get_mut::<String>(KEY)? {
                value.push('!');
            }
            Ok(())
        },
        |it| Ok(it.get::<String>(KEY)?.as_deref() == Some("kept!")),
    ),
    (
        "clear",
        |it| {
            it.clear();
            Ok(())
        },
        |it| Ok(it.is_empty() && it.peek_flash::<String>() == ["waiting"]),
    ),
    (
        "flash",
        |it| {
            it.flash("more");
            Ok(())
        },
        |it| Ok(it.peek_flash::<String>() == ["waiting", "more"]),
    ),
    (
        "pop_flash",
        |it| {
            let _ = it.pop_flash::<String>();
            Ok(())
        },
        |it| Ok(it.peek_flash::<String>().is_empty() && it.contains_key(KEY)),
    ),
];

pub(super) async fn each_write_is_kept<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    for (case, write, is_there) in ROWS {
        // Starts from a loaded, unchanged session, where a forgotten flag would be noticed.
        let mut browser = app.visitor().await?;
        browser.visit(&app, write).await.map_err(|why| why.within(case))?;
        ensure(browser.look(&app, is_there).await?, format!("{case}: a later request doesn't read it"))?;
    }
    let mut browser = app.visitor().await?;
    let before = browser.look(&app, Session::csrf_token).await?;
    let token = browser.visit(&app, Session::new_csrf_token).await?.0;
    ensure(token != before, "new_csrf_token: the token is unchanged")?;
    let found = browser.look(&app, Session::csrf_token).await?;
    ensure(found == token, "new_csrf_token: a later request reads another token")
}

pub(super) async fn a_popped_message_does_not_come_back<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let popped = browser.visit(&app, |session| Ok(session.pop_flash::<String>())).await?.0;
    same("the messages of the first request", &popped, &vec!["waiting".to_owned()])?;
    let popped = browser.visit(&app, |session| Ok(session.pop_flash::<String>())).await?.0;
    same("the messages of the second request", &popped, &Vec::new())?;
    ensure(browser.opens(&app).await?, "the session is gone with its messages")
}

pub(super) async fn cycle_gives_a_new_id_and_token<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let (before, token) = (browser.clone(), browser.look(&app, Session::csrf_token).await?);
    let cycle = |session: &Session| {
        session.cycle_id();
        session.insert("new", 1)
    };
    let cookies = browser.visit(&app, cycle).await?.1;
    ensure(!cookies.is_empty(), "no cookie is sent")?;
    moved(&before.values(), &browser.values())?;
    ensure(browser.opens(&app).await?, "the data is lost")?;
    let (new, messages, after) = browser
        .look(&app, |session| Ok((session.get::<u32>("new")?, session.peek_flash::<String>(), session.csrf_token()?)))
        .await?;
    same("a value that was written in the same request", &new, &Some(1))?;
    same("the messages", &messages, &vec!["waiting".to_owned()])?;
    ensure(after != token, "the CSRF token is unchanged")
}

fn moved(before: &[&str], after: &[&str]) -> Outcome {
    ensure(!after.iter().any(|value| before.contains(value)), "the cookie is unchanged")
}

pub(super) async fn the_same_owner_keeps_the_session<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    for _ in 0..2 {
        let before = browser.clone();
        let sign_in = |session: &Session| {
            session.set_owner("ann");
            Ok(())
        };
        browser.visit(&app, sign_in).await?;
        moved(&before.values(), &browser.values())?;
        ensure(browser.opens(&app).await?, "a visitor who signs in loses the session")?;
        let owner = browser.look(&app, |session| Ok(session.owner())).await?;
        same("the owner", &owner.as_deref(), &Some("ann"))?;
        let closed = !it.can.revokes || !before.opens(&app).await?;
        ensure(closed, "the cookie from before the sign-in opens the session")?;
    }
    Ok(())
}

pub(super) async fn another_owner_gets_nothing<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let sign_in = |session: &Session| {
        session.set_owner("ann");
        Ok(())
    };
    browser.visit(&app, sign_in).await?;
    let (before, token) = (browser.clone(), browser.look(&app, Session::csrf_token).await?);
    let sign_in = |session: &Session| {
        session.set_owner("bob");
        session.insert("bob", true)
    };
    browser.visit(&app, sign_in).await?;
    moved(&before.values(), &browser.values())?;
    let request = browser.begin(&app).await?;
    let session = &request.session;
    same("the owner", &session.owner().as_deref(), &Some("bob"))?;
    same("the keys", &session.keys(), &vec!["bob".to_owned()])?;
    same("the messages", &session.peek_flash::<String>(), &Vec::new())?;
    ensure(session.csrf_token()? != token, "the CSRF token is that of the previous owner")?;
    request.end().await?;
    ensure(!it.can.revokes || !before.opens(&app).await?, "the session of the previous owner still exists")
}

pub(super) async fn commits_of_one_request_follow_each_other<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    for case in ["a new session", "a kept session"] {
        let mut browser = app.visitor().await?;
        if case == "a new session" {
            browser = super::bench::Browser::default();
        }
        let before = it.kept();
        let within = |why: Wrong| why.within(case);
        let request = browser.begin(&app).await?;
        let session = &request.session;
        session.insert(KEY, VALUE)?;
        session.update("count", |count: &mut u32| *count += 1)?;
        session.commit_now().await?;
        session.update("count", |count: &mut u32| *count += 1)?;
        session.commit_now().await?;
        session.cycle_id();
        session.commit_now().await?;
        session.update("count", |count: &mut u32| *count += 1)?;
        browser.take(&request.end().await.map_err(within)?).map_err(within)?;
        ensure(browser.opens(&app).await?, format!("{case}: the first commit is lost"))?;
        let count = browser.look(&app, |session| session.get::<u32>("count")).await?;
        same(&format!("{case}: the count of three updates with commits between them"), &count, &Some(3))?;
        let begun = usize::from(case == "a new session");
        let expected = before.map(|before| before + begun);
        same(&format!("{case}: the number of sessions"), &it.kept(), &expected)?;
    }
    Ok(())
}

/// A migration relies on it: only one of the requests that move a session may begin the new one.
pub(super) async fn a_session_begins_with_the_id_of_its_commit<F: SessionFactory>(it: Bench<F>) -> Outcome {
    if !it.factory.begins_as_given() {
        return Ok(());
    }
    let now = it.app().now();
    let fresh = async || -> Result<_, Wrong> {
        let mut session = it.factory.open(CookieHeader::default(), now).await?;
        session.changed();
        Ok(begin_commit(session, now)?)
    };
    let first = fresh().await?;
    let given = first.new_id();
    let begun = it.factory.commit(&first).await?.session;
    ensure(given.is_some() && begun.id() == given, "the session has another id than its commit")?;
    let Some(given) = given else { return Ok(()) };
    let other = it.factory.commit(&fresh().await?.beginning_as(given)).await?.session;
    ensure(other.id() != Some(given), "a second session begins with an id that is taken")
}
