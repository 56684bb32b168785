//! Handlers that panic, with and without a caller that catches the panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use cloakroom_session::Session;
use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::Seal;

use crate::support::{Answer, App, Browser, NAME, cookies, run, value_of};
use crate::traces::traced;

/// Runs a function in a separate thread, so that a deadlock is a failure and not a hanging test.
pub(crate) fn in_time<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(run()));
    receiver.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|why| match why {
        mpsc::RecvTimeoutError::Timeout => panic!("{name}: it hangs"),
        mpsc::RecvTimeoutError::Disconnected => panic!("{name}: it panicked"),
    })
}

/// Sends a request whose handler panics while it holds a handle. The caller catches the panic.
fn visit(handler: impl FnOnce(Session) + Send + 'static) -> (Browser, App, Answer) {
    in_time("a handler that panics", move || {
        let app = App::new(cookies(Seal::Signed));
        let mut browser = Browser::signed_in(&app);
        let answer = browser.visit_for(&app, 500, |session| {
            let handle = session.clone();
            assert!(catch_unwind(AssertUnwindSafe(move || handler(handle))).is_err());
        });
        (browser, app, answer)
    })
}

#[test]
fn a_holder_that_panics_commits_nothing() {
    type Row = (&'static str, fn(Session));
    let rows: [Row; 6] = [
        ("after a write", |session| {
            session.insert("user", "bob").unwrap();
            panic!("oh");
        }),
        ("after signing out", |session| {
            session.invalidate();
            panic!("oh");
        }),
        ("while holding a guard", |session| {
            let mut user = session.get_mut::<String>("user").unwrap().unwrap();
            user.push('a');
            panic!("oh");
        }),
        ("within update", |session| {
            session
                .update("user", |user: &mut String| {
                    user.clear();
                    panic!("oh")
                })
                .unwrap()
        }),
        ("within update, which holds the session", |session| {
            let own = session.clone();
            session
                .update("user", move |_: &mut String| {
                    let _ = &own;
                    panic!("oh")
                })
                .unwrap()
        }),
        ("within a default that holds the session", |session| {
            let own = session.clone();
            let _: String = session
                .get_or_insert_with("new", move || {
                    drop(own);
                    panic!("oh")
                })
                .unwrap();
        }),
    ];
    for (name, handler) in rows {
        let (browser, app, answer) = visit(handler);
        assert!(answer.is_silent(), "{name}");
        assert_eq!(browser.user(&app).as_deref(), Some("ann"), "{name}");
    }
}

#[test]
fn a_panic_is_traced() {
    let app = App::new(cookies(Seal::Signed));
    let (_, events) = traced(|| {
        Browser::default().visit(&app, |session| {
            let handle = session.clone();
            let panics = move || {
                handle.insert("a", 1).unwrap();
                panic!("oh");
            };
            assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        })
    });
    assert_eq!(events.len(), 2, "one event for the lost changes, one for the client's error: {events:?}");
    assert!(events[0].message.contains("panicked"), "{events:?}");
}

#[test]
fn a_closure_whose_panic_is_caught_leaves_the_session_usable() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::signed_in(&app);
    let answer = browser.visit(&app, |session| {
        // The handle is borrowed: its holder catches the panic and continues.
        let update = || {
            session.update("user", |user: &mut String| {
                user.clear();
                assert!(!user.is_empty())
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
        assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ann"));
    });
    assert!(answer.is_silent(), "the update changed nothing");
    let answer = browser.visit(&app, |session| {
        let update = || {
            session.update("user", |user: &mut String| {
                user.clear();
                assert!(!user.is_empty())
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
        session.insert("after", 1).unwrap();
    });
    assert!(answer.sets_a_cookie());
    assert_eq!(browser.user(&app).as_deref(), Some("ann"));
}

/// A task with its own handle panics, and the handler continues.
async fn helped(session: &Session) {
    let handle = session.clone();
    let helper = tokio::spawn(async move {
        handle.insert("done", true).unwrap();
        panic!("oh");
    });
    assert!(helper.await.unwrap_err().is_panic());
}

#[test]
fn a_success_page_does_not_cover_a_helper_that_panicked() {
    type Act = fn(&Session, &SessionSlot);
    #[rustfmt::skip] // one row, one line
    let rows: &[(&str, Act, u16, bool)] = &[
        // The last column: whether the client receives an error instead of the response.
        ("changed", |session, _| session.insert("user", "bob").unwrap(), 200, true),
        ("changed, a redirect", |session, _| session.insert("user", "bob").unwrap(), 303, true),
        ("changed, an error of the client", |session, _| session.insert("user", "bob").unwrap(), 499, true),
        ("changed, an error already", |session, _| session.insert("user", "bob").unwrap(), 500, false),
        ("changed, an error of another kind", |session, _| session.insert("user", "bob").unwrap(), 503, false),
        ("signed out", |session, _| session.invalidate(), 200, true),
        ("only the helper's change", |_, _| {}, 200, true),
        ("refused", |session, slot| { session.insert("user", "bob").unwrap(); slot.discard(); }, 200, false),
        ("refused with 403", |_, slot| slot.discard(), 403, false),
    ];
    for (name, act, status, told) in rows {
        let app = App::new(cookies(Seal::Signed));
        let browser = Browser::signed_in(&app);
        let line = format!("{NAME}={}", browser.value().unwrap());
        run(async {
            let slot = SessionSlot::new(std::sync::Arc::clone(&app.engine));
            let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
            act(&session, &slot);
            helped(&session).await;
            match (slot.finish(*status).await, told) {
                (Err(failure), true) => {
                    assert!(failure.error.is_panicked() && failure.error.status() == 500, "{name}: {failure:?}");
                    assert!(failure.effects.cookies.is_empty(), "{name}");
                }
                (Ok(effects), false) => assert!(effects.cookies.is_empty(), "{name}"),
                (outcome, _) => panic!("{name}: {outcome:?}"),
            }
        });
        assert_eq!(browser.user(&app).as_deref(), Some("ann"), "{name}: nothing was committed");
    }
}

#[test]
fn a_helper_that_panicked_with_nothing_to_commit_causes_no_error() {
    let app = App::new(cookies(Seal::Signed));
    let browser = Browser::signed_in(&app);
    let line = format!("{NAME}={}", browser.value().unwrap());
    run(async {
        let slot = SessionSlot::new(std::sync::Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
        let handle = session.clone();
        let helper = tokio::spawn(async move {
            assert!(!handle.contains_key("user"), "oh");
        });
        assert!(helper.await.unwrap_err().is_panic());
        assert!(slot.finish(200).await.unwrap().cookies.is_empty());
    });
}

#[test]
fn commit_now_after_a_helper_that_panicked_is_an_error_and_commits_nothing() {
    let app = App::new(cookies(Seal::Signed));
    let browser = Browser::signed_in(&app);
    let line = format!("{NAME}={}", browser.value().unwrap());
    let cookie = run(async {
        let slot = SessionSlot::new(std::sync::Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
        // The commit before the panic stands.
        session.insert("before", true).unwrap();
        session.commit_now().await.unwrap();
        helped(&session).await;
        assert!(session.commit_now().await.unwrap_err().is_panicked());
        let failure = slot.finish(200).await.unwrap_err();
        assert!(failure.error.is_panicked(), "{failure:?}");
        let [cookie] = &failure.effects.cookies[..] else { panic!("{failure:?}") };
        cookie.as_str().to_owned()
    });
    Browser::with(value_of(&cookie)).visit(&app, |session| assert_eq!(session.keys(), ["user", "before"]));
}
