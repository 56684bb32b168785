//! Opening: an unused session is not stored, and an id from a client is never adopted.

use std::sync::Arc;

use cloakroom_core::CookieHeader;

use super::bench::{Bench, Browser, KEY, Outcome, VALUE, Wrong, ensure, open, same, silent};
use crate::clock::fresh_id;
use crate::error::Error;
use crate::factory::{Presented, SessionFactory};
use crate::session::Session;
use crate::slot::SessionSlot;

fn read(session: &Session) -> Result<(), Error> {
    session.get::<String>(KEY)?;
    let _ = (session.len(), session.contains_key(KEY), session.owner(), session.peek_flash::<String>());
    Ok(())
}

pub(super) async fn an_unused_session_sends_no_cookie<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let untouched = SessionSlot::new(Arc::clone(&app.engine)).finish(200).await;
    silent("never opened", &untouched.map_err(|failure| failure.error)?.cookies)?;
    silent("opened", &Browser::default().visit(&app, |_| Ok(())).await?.1)?;
    silent("read", &Browser::default().visit(&app, read).await?.1)?;
    let popped = Browser::default().visit(&app, |session| Ok(session.pop_flash::<String>().len())).await?;
    silent("an empty queue popped", &popped.1)?;
    let emptied = |session: &Session| {
        session.insert(KEY, VALUE)?;
        session.remove(KEY);
        Ok(())
    };
    silent("written and removed again", &Browser::default().visit(&app, emptied).await?.1)
}

pub(super) async fn an_unused_session_is_not_kept<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let Some(before) = it.kept() else { return Ok(()) };
    let app = it.app();
    Browser::default().visit(&app, read).await?;
    same("the number of sessions after a read", &it.kept(), &Some(before))?;
    let visitor = app.visitor().await?;
    same("the number of sessions after a write", &it.kept(), &Some(before + 1))?;
    visitor.look(&app, read).await?;
    same("the number of sessions after a read of a kept one", &it.kept(), &Some(before + 1))
}

pub(super) async fn a_read_changes_nothing<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    silent("a session that is only read", &browser.visit(&app, read).await?.1)?;
    silent("a session that is only opened", &browser.visit(&app, |_| Ok(())).await?.1)?;
    ensure(browser.opens(&app).await?, "it no longer opens after a read")
}

pub(super) async fn a_created_session_opens_as_it_was<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = Browser::default();
    let store = |session: &Session| {
        session.set_owner("ann");
        session.insert(KEY, VALUE)?;
        session.insert("number", 42)?;
        session.insert("truth", true)?;
        session.insert("list", vec!["one", "", "drei: \u{1F9E5} \"'\\;,= \n"])?;
        session.flash("first");
        session.flash("second");
        Ok((session.csrf_token()?, session.created()))
    };
    let ((token, created), cookies) = browser.visit(&app, store).await?;
    ensure(!cookies.is_empty(), "no cookie is sent")?;
    let request = browser.begin(&app).await?;
    let session = &request.session;
    ensure(!session.is_new(), "it is a new session")?;
    same("a text", &session.get::<String>(KEY)?.as_deref(), &Some(VALUE))?;
    same("a number", &session.get::<i64>("number")?, &Some(42))?;
    same("a boolean", &session.get::<bool>("truth")?, &Some(true))?;
    let list = vec!["one".to_owned(), String::new(), "drei: \u{1F9E5} \"'\\;,= \n".to_owned()];
    same("a list", &session.get::<Vec<String>>("list")?, &Some(list))?;
    same("the number of values", &session.len(), &4)?;
    same("the messages", &session.peek_flash::<String>(), &vec!["first".to_owned(), "second".to_owned()])?;
    same("the owner", &session.owner().as_deref(), &Some("ann"))?;
    same("the time of creation", &session.created(), &created)?;
    ensure(session.csrf_token()? == token, "the CSRF token is another one")?;
    silent("a session that is only read", &request.end().await?)
}

pub(super) async fn an_invented_id_is_not_adopted<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let visitor = app.visitor().await?;
    let invented = fresh_id()?.expose();
    let mut forged = vec![("an id of our form", visitor.changed(|_, _| invented.clone()))];
    for part in 0..4_usize {
        // Well formed, but never issued.
        forged.push(("a changed character", visitor.changed(|_, value| with_another(value, part))));
    }
    if it.can.revokes {
        let mut gone = app.visitor().await?;
        let before = gone.clone();
        gone.visit(&app, |session| {
            session.invalidate();
            Ok(())
        })
        .await?;
        forged.push(("the id of a session that has ended", before));
    }
    for (case, forgery) in forged {
        let mut browser = forgery.clone();
        let (is_new, cookies) = browser.visit(&app, |session| Ok(session.is_new() && session.is_empty())).await?;
        ensure(is_new, format!("{case}: opened a session"))?;
        silent(case, &cookies)?;
        let write = |session: &Session| session.insert("written", true);
        let cookies = browser.visit(&app, write).await.map_err(|why| why.within(case))?.1;
        ensure(!cookies.is_empty(), format!("{case}: a new session that was written is sent no cookie"))?;
        let mut sent = Browser::default();
        sent.take(&cookies)?;
        let shared = sent.values().iter().any(|value| forgery.values().contains(value));
        ensure(!shared, format!("{case}: the session has the id that the client brought"))?;
        let found = forgery.look(&app, |session| session.get::<bool>("written")).await?;
        ensure(found.is_none(), format!("{case}: the client's value opens the new session"))?;
        let found = browser.look(&app, |session| session.get::<bool>("written")).await?;
        same(&format!("{case}: the new session"), &found, &Some(true))?;
    }
    Ok(())
}

/// Returns the value with one letter or digit of this quarter replaced.
fn with_another(value: &str, quarter: usize) -> String {
    let place = value.len() * quarter / 4;
    let mut done = false;
    let replace = |(index, letter): (usize, char)| {
        if done || index < place || !letter.is_ascii_alphanumeric() {
            return letter;
        }
        done = true;
        match letter {
            '0'..='8' | 'a'..='e' | 'g'..='y' | 'A'..='E' | 'G'..='Y' => char::from(letter as u8 + 1),
            '9' => '0',
            'f' | 'z' => 'a',
            _ => 'A',
        }
    };
    value.char_indices().map(replace).collect()
}

pub(super) async fn nonsense_is_a_fresh_session<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let visitor = app.visitor().await?;
    let half = |value: &str| value.chars().take(value.chars().count() / 2).collect::<String>();
    let foreign = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";
    let rows = [
        ("an empty value", visitor.changed(|_, _| String::new())),
        ("a word", visitor.changed(|_, _| "nonsense".to_owned())),
        ("punctuation", visitor.changed(|_, _| "..--..%%==&|.:".to_owned())),
        ("half an escape", visitor.changed(|_, value| format!("{value}%2"))),
        ("another format", visitor.changed(|_, _| foreign.to_owned())),
        ("half of it", visitor.changed(|_, value| half(value))),
        ("twice in one", visitor.changed(|_, value| format!("{value}{value}"))),
        ("too long", visitor.changed(|_, value| value.repeat(1 + 5000 / value.len().max(1)))),
    ];
    for (case, browser) in rows {
        nonsense(&it, case, browser.header().as_bytes()).await?;
    }
    let mut bytes = format!("{}=", visitor.first_name()?).into_bytes();
    bytes.extend([0xff, 0xfe, 0x80, b'a']);
    nonsense(&it, "bytes that aren't text", &bytes).await
}

async fn nonsense<F: SessionFactory>(it: &Bench<F>, case: &str, header: &[u8]) -> Outcome {
    let app = it.app();
    let within = |why: Wrong| why.within(case);
    let request = open(&app, header).await.map_err(within)?;
    ensure(request.session.is_new() && request.session.is_empty(), format!("{case}: opened a session"))?;
    silent(case, &request.end().await.map_err(within)?)?;
    let request = open(&app, header).await.map_err(within)?;
    request.session.insert(KEY, VALUE)?;
    let mut browser = Browser::default();
    browser.take(&request.end().await.map_err(within)?)?;
    ensure(browser.opens(&app).await?, format!("{case}: a later write isn't kept"))
}

pub(super) async fn a_bad_cookie_hides_no_good_one<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let visitor = app.visitor().await?;
    let (name, good) = (visitor.first_name()?, visitor.header());
    for header in [format!("{name}=nonsense; {good}"), format!("{good}; {name}=nonsense"), format!("other=1; {good}")] {
        let request = open(&app, header.as_bytes()).await?;
        let found = request.session.get::<String>(KEY)?;
        same("the session of the good cookie", &found.as_deref(), &Some(VALUE))?;
        silent("a good cookie and a bad one", &request.end().await?)?;
    }
    Ok(())
}

pub(super) async fn cookies_name_the_session_that_they_open<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let presented = |header: &[u8]| it.factory.presented(&CookieHeader::new([header]), app.now());
    let none = presented(b"");
    ensure(matches!(none, Presented::Nothing | Presented::Unknown), format!("without a cookie: {none:?}"))?;
    let mut visitor = app.visitor().await?;
    for case in ["a session", "a session with a new id"] {
        let request = visitor.begin(&app).await?;
        let opened = request.session.id().map(|id| id.store_key());
        let named = presented(visitor.header().as_bytes());
        let agrees = named == Presented::Unknown || named == opened.into();
        ensure(agrees, format!("{case}: the cookies name {named:?}, and open {opened:?}"))?;
        request.session.cycle_id();
        visitor.take(&request.end().await?)?;
    }
    Ok(())
}
