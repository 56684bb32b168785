//! Merging: concurrent requests lose no changes.

use super::bench::{Bench, Browser, KEY, Outcome, Request, VALUE, Wrong, ensure, same};
use crate::factory::SessionFactory;
use crate::session::Session;

const REQUESTS: usize = 8;

pub(super) async fn changes_of_different_keys_both_survive<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let browser = app.visitor().await?;
    let (one, other) = (browser.begin(&app).await?, browser.begin(&app).await?);
    one.session.insert("one", 1)?;
    other.session.insert("other", 2)?;
    other.session.remove(KEY);
    one.end().await?;
    other.end().await?;
    let found = browser.look(&app, |it| Ok((it.get("one")?, it.get("other")?, it.get::<String>(KEY)?))).await?;
    same("the values that two requests wrote and removed", &found, &(Some(1), Some(2), None))
}

pub(super) async fn overlapping_updates_all_count<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let browser = app.visitor().await?;
    let mut requests: Vec<Request> = Vec::new();
    for _ in 0..REQUESTS {
        requests.push(browser.begin(&app).await?);
    }
    for request in &requests {
        request.session.update("count", |count: &mut usize| *count += 1)?;
    }
    for request in requests {
        request.end().await?;
    }
    let count = browser.look(&app, |session| session.get::<usize>("count")).await?;
    same("the count of overlapping updates", &count, &Some(REQUESTS))
}

/// The same with tasks that run in parallel.
pub(super) async fn racing_updates_all_count<F: SessionFactory>(it: Bench<F>) -> Outcome {
    for _ in 0..it.can.rounds.div_ceil(5) {
        let app = it.app();
        let browser = app.visitor().await?;
        let tasks: Vec<_> = (0..REQUESTS)
            .map(|number| {
                let (app, browser) = (app.clone(), browser.clone());
                tokio::spawn(async move {
                    let request = browser.begin(&app).await?;
                    request.session.update("count", |count: &mut usize| *count += 1)?;
                    request.session.insert(format!("request {number}").as_str(), number)?;
                    request.session.flash("done");
                    request.end().await
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        let found = browser
            .look(&app, |session| {
                Ok((session.get::<usize>("count")?, session.len(), session.peek_flash::<String>().len()))
            })
            .await?;
        // The visitor's value and the count; the visitor's message.
        same("the count, the values and the messages", &found, &(Some(REQUESTS), REQUESTS + 2, REQUESTS + 1))?;
    }
    Ok(())
}

/// The same for a visitor who has only seen a form, which some factories don't store.
pub(super) async fn first_writes_after_a_form_all_count<F: SessionFactory>(it: Bench<F>) -> Outcome {
    for _ in 0..it.can.rounds.div_ceil(5) {
        let (app, mut browser) = (it.app(), Browser::default());
        let token = browser.visit(&app, Session::csrf_token).await?.0;
        let mut tasks = Vec::new();
        for _ in 0..REQUESTS {
            let request = browser.begin(&app).await?;
            request.session.update("count", |count: &mut usize| *count += 1)?;
            tasks.push(tokio::spawn(request.end()));
        }
        for task in tasks {
            // The cookies arrive in any order.
            let cookies = task.await??;
            browser.take(&cookies)?;
        }
        let found = browser.look(&app, |session| Ok((session.get::<usize>("count")?, session.csrf_token()?))).await?;
        same("the count of first writes", &found.0, &Some(REQUESTS))?;
        ensure(found.1 == token, "the form of the visitor is no longer valid")?;
    }
    Ok(())
}

pub(super) async fn a_pop_takes_only_what_it_was_given<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let browser = app.visitor().await?;
    let (one, other) = (browser.begin(&app).await?, browser.begin(&app).await?);
    other.session.flash("from another request");
    let popped = one.session.pop_flash::<String>();
    same("the messages that were popped", &popped, &vec!["waiting".to_owned()])?;
    other.end().await?;
    one.end().await?;
    let left = browser.look(&app, |session| Ok(session.peek_flash::<String>())).await?;
    same("the messages that are left", &left, &vec!["from another request".to_owned()])
}

pub(super) async fn a_move_takes_along_what_others_wrote<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let mut browser = app.visitor().await?;
    let (one, other) = (browser.begin(&app).await?, browser.begin(&app).await?);
    other.session.insert("other", VALUE)?;
    other.end().await?;
    one.session.cycle_id();
    let cookies = one.end().await?;
    browser.take(&cookies).map_err(|why: Wrong| why.within("the cookies of the cycle"))?;
    ensure(browser.opens(&app).await?, "the session is gone")?;
    let other = browser.look(&app, |session| session.get::<String>("other")).await?;
    same("a value of another request, written before the move", &other.as_deref(), &Some(VALUE))
}
