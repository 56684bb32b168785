//! Bindings to a device, for factories that keep them.

use std::sync::Arc;

use cloakroom_core::Timestamp;
use cloakroom_core::dbsc::{Binding, BindingId};

use super::bench::{App, Bench, Browser, Outcome, Wrong, ensure, same};
use crate::clock::random;
use crate::devices::DeviceBinding;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::session::Session;

/// Offers a binding unless there is one. Returns its name.
fn offer(session: &Session) -> Result<Option<BindingId>, Error> {
    let offer = Binding::offer(&random()?, Timestamp::default());
    session.bind(move |current| current.is_none().then(|| offer.clone()));
    Ok(named(session))
}

fn named(session: &Session) -> Option<BindingId> {
    session.binding().map(|binding| binding.id())
}

/// Returns a browser of this owner whose session has a binding, and the binding's name.
async fn bound(app: &App) -> Result<(Browser, Option<BindingId>), Wrong> {
    let mut browser = app.visitor().await?;
    let sign_in = |session: &Session| {
        session.set_owner("ann");
        offer(session)
    };
    let name = browser.visit(app, sign_in).await?.0;
    ensure(name.is_some(), "a session takes no binding")?;
    Ok((browser, name))
}

async fn keeps(app: &App, browser: &Browser, what: &str, name: Option<BindingId>) -> Outcome {
    same(what, &browser.look(app, |session| Ok(named(session))).await?, &name)
}

pub(super) async fn a_binding_is_kept<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let (mut browser, name) = bound(&app).await?;
    keeps(&app, &browser, "the binding in a later request", name).await?;
    browser.visit(&app, |session| session.insert("other", 1)).await?;
    keeps(&app, &browser, "the binding after a write", name).await?;
    if it.can.reloads {
        let stream = browser.begin(&app).await?;
        stream.session.refresh().await?;
        same("the binding after a reload", &named(&stream.session), &name)?;
    }
    Ok(())
}

pub(super) async fn a_binding_moves_with_its_session<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let (mut browser, name) = bound(&app).await?;
    let cycle = |session: &Session| {
        session.cycle_id();
        Ok(())
    };
    browser.visit(&app, cycle).await?;
    keeps(&app, &browser, "the binding under a new id", name).await
}

pub(super) async fn a_binding_and_a_write_both_survive<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    for case in ["the binding is written first", "the value is written first"] {
        let browser = app.visitor().await?;
        let (binds, writes) = (browser.begin(&app).await?, browser.begin(&app).await?);
        let name = offer(&binds.session)?;
        writes.session.insert("other", 1)?;
        let (first, second) = if case.starts_with("the binding") { (binds, writes) } else { (writes, binds) };
        first.end().await?;
        second.end().await?;
        let found = browser.look(&app, |it| Ok((named(it), it.get::<u32>("other")?))).await?;
        same(case, &found, &(name, Some(1)))?;
    }
    Ok(())
}

/// Two requests decide about one challenge. The second decision must be made again, on the binding
/// that the first one has written.
pub(super) async fn a_challenge_is_used_up_once<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    let (browser, name) = bound(&app).await?;
    let mut requests = Vec::new();
    for _ in 0..2 {
        let request = browser.begin(&app).await?;
        let next = Binding::offer(&random()?, Timestamp::default());
        request.session.bind(move |current| {
            let is_first = current.map(Binding::id) == name;
            is_first.then(|| next.clone())
        });
        requests.push((named(&request.session), request));
    }
    let mut names = Vec::new();
    for (name, request) in requests {
        names.push(name);
        request.end().await?;
    }
    let first = names.first().copied().flatten();
    keeps(&app, &browser, "the binding after two decisions about one challenge", first).await
}

pub(super) async fn a_binding_ends_with_its_owner<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let app = it.app();
    for case in ["another owner", "invalidate"] {
        let (mut browser, _) = bound(&app).await?;
        let begin_anew = |session: &Session| {
            if case == "invalidate" {
                session.invalidate();
            } else {
                session.set_owner("bob");
            }
            session.insert("new", 1)
        };
        browser.visit(&app, begin_anew).await?;
        let found = browser.look(&app, |it| Ok((named(it), it.get::<u32>("new")?))).await?;
        same(case, &found, &(None, Some(1)))?;
    }
    Ok(())
}

pub(super) async fn a_binding_is_refused_honestly<F: SessionFactory>(it: Bench<F>) -> Outcome {
    let mut app = it.app();
    app.engine = Arc::new(app.engine.as_ref().clone().device_binding(DeviceBinding::observe())?);
    let request = Browser::default().begin(&app).await?;
    match request.session.bind_device() {
        Err(error) if error.is_unsupported() => Ok(()),
        other => ensure(false, format!("bind_device returned {other:?}")),
    }
}
