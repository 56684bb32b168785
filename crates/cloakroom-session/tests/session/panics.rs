//! Handlers that panic, with and without somebody who catches it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use cloakroom_session::{Seal, Session};

use crate::support::{Answer, App, Browser, cookies};
use crate::traces::traced;

/// Runs it on a thread of its own: a deadlock is a failure, not a test that never ends.
fn in_time<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(run()));
    receiver.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{name}: it hangs"))
}

/// A visit whose handler panics with a handle in its hands, below somebody who catches that.
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
        ("with a guard in its hands", |session| {
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
fn it_is_traced() {
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
    assert_eq!(events.len(), 2, "the loss, and the error that the client gets: {events:?}");
    assert!(events[0].message.contains("panicked"), "{events:?}");
}

#[test]
fn a_closure_whose_panic_is_caught_leaves_the_session_usable() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::signed_in(&app);
    let answer = browser.visit(&app, |session| {
        // The handle itself is borrowed: its holder catches the panic and goes on.
        let update = || {
            session.update("user", |user: &mut String| {
                user.clear();
                assert!(!user.is_empty())
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
        assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ann"));
    });
    assert!(answer.is_silent(), "it changed nothing");
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
