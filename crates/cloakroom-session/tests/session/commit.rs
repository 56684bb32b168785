//! The time of a commit: at the end, on errors, or immediately.

use std::sync::Arc;

use cloakroom_session::adapter::{CookieHeader, ResponseEffects, SessionSlot};
use cloakroom_session::factory::Seal;
use cloakroom_session::{CommitPolicy, Error, Session};

use crate::support::{App, BOTH, Browser, MILLISECOND, NAME, cookies, run, seconds, value_of};
use crate::traces::traced;

#[test]
fn the_policy_decides_for_all_effects_together() {
    type Handler = fn(&Session);
    let rows: &[(&str, Handler)] = &[
        ("insert", |it| it.insert("user", "bob").unwrap()),
        ("invalidate", |it| it.invalidate()),
        ("cycle_id", |it| it.cycle_id()),
        ("flash", |it| it.flash("saved")),
        ("invalidate, then write", |it| {
            it.invalidate();
            it.insert("user", "bob").unwrap();
        }),
    ];
    for (name, handler) in rows {
        for (policy, status, commits) in [
            (CommitPolicy::Always, 200, true),
            (CommitPolicy::Always, 404, true),
            (CommitPolicy::Always, 500, true),
            (CommitPolicy::NotOnServerError, 200, true),
            (CommitPolicy::NotOnServerError, 303, true),
            (CommitPolicy::NotOnServerError, 499, true),
            (CommitPolicy::NotOnServerError, 500, false),
            (CommitPolicy::NotOnServerError, 503, false),
        ] {
            let app = App::with(cookies(Seal::Signed), |engine| engine.policy(policy));
            let mut browser = Browser::signed_in(&app);
            let before = browser.value().unwrap().to_owned();
            let answer = browser.visit_for(&app, status, handler);
            assert_eq!(!answer.is_silent(), commits, "{name}, {policy:?}, {status}");
            assert_eq!(browser.value() != Some(before.as_str()), commits, "{name}, {policy:?}, {status}");
        }
    }
}

#[test]
fn a_server_error_does_not_even_touch() {
    let app = App::with(cookies(Seal::Signed), |engine| engine.policy(CommitPolicy::NotOnServerError));
    let mut browser = Browser::signed_in(&app);
    assert!(browser.visit_for(app.at(seconds(600)), 500, |_| {}).is_silent());
    assert!(browser.visit_for(&app, 200, |_| {}).sets_a_cookie());
}

/// Sends a request with this browser's cookie to an async handler.
fn waiting<F: Future>(app: &App, browser: &Browser, handler: impl FnOnce(Session, SessionSlot) -> F) -> F::Output {
    run(async {
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let line = browser.value().map(|value| format!("{NAME}={value}")).unwrap_or_default();
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
        handler(session, slot).await
    })
}

fn only(effects: &ResponseEffects) -> &str {
    assert_eq!(effects.cookies.len(), 1);
    effects.cookies[0].as_str()
}

#[test]
fn commit_now_before_the_headers_sends_one_cookie_with_the_last_state() {
    for start in ["new", "loaded"] {
        let app = App::new(cookies(Seal::Signed));
        let browser = if start == "new" { Browser::default() } else { Browser::signed_in(&app) };
        let line = waiting(&app, &browser, async |session, slot| {
            session.insert("one", 1).unwrap();
            session.commit_now().await.unwrap();
            assert!(!session.is_new() && session.id().is_some(), "{start}: the session exists after the commit");
            session.insert("two", 2).unwrap();
            session.commit_now().await.unwrap();
            session.commit_now().await.unwrap();
            session.insert("three", 3).unwrap();
            only(&slot.finish(200).await.unwrap()).to_owned()
        });
        let mut browser = Browser::with(value_of(&line));
        browser.visit(&app, |session| {
            assert!(["one", "two", "three"].into_iter().all(|key| session.contains_key(key)), "{start}");
        });
    }
}

#[test]
fn commit_now_sends_its_cookie_regardless_of_the_response() {
    for policy in [CommitPolicy::Always, CommitPolicy::NotOnServerError] {
        let app = App::with(cookies(Seal::Signed), |engine| engine.policy(policy));
        let line = waiting(&app, &Browser::default(), async |session, slot| {
            session.insert("one", 1).unwrap();
            session.commit_now().await.unwrap();
            session.insert("two", 2).unwrap();
            only(&slot.finish(500).await.unwrap()).to_owned()
        });
        Browser::with(value_of(&line)).visit(&app, |session| {
            assert!(session.contains_key("one"), "{policy:?}");
            assert_eq!(session.contains_key("two"), policy == CommitPolicy::Always, "{policy:?}");
        });
    }
}

#[test]
fn commit_now_then_invalidate_removes() {
    let app = App::new(cookies(Seal::Signed));
    for browser in [Browser::default(), Browser::signed_in(&app)] {
        let line = waiting(&app, &browser, async |session, slot| {
            session.insert("one", 1).unwrap();
            session.commit_now().await.unwrap();
            session.invalidate();
            only(&slot.finish(200).await.unwrap()).to_owned()
        });
        assert!(line.contains("Max-Age=0"), "{line}");
    }
}

#[test]
fn invalidate_committed_now_then_written_to_is_a_new_session() {
    let app = App::new(cookies(Seal::Signed));
    let browser = Browser::signed_in(&app);
    let line = waiting(&app, &browser, async |session, slot| {
        session.invalidate();
        session.commit_now().await.unwrap();
        session.insert("user", "bob").unwrap();
        only(&slot.finish(200).await.unwrap()).to_owned()
    });
    assert_eq!(Browser::with(value_of(&line)).user(&app).as_deref(), Some("bob"));
}

#[test]
fn commit_now_of_nothing_does_nothing() {
    let app = App::new(cookies(Seal::Signed));
    for browser in [Browser::default(), Browser::signed_in(&app)] {
        waiting(&app, &browser, async |session, slot| {
            session.commit_now().await.unwrap();
            assert!(slot.finish(200).await.unwrap().cookies.is_empty());
        });
    }
}

#[test]
fn after_the_headers_a_cookie_session_cannot_be_committed() {
    let app = App::new(cookies(Seal::Signed));
    let browser = Browser::signed_in(&app);
    let (error, events): (Error, _) = traced(|| {
        waiting(&app, &browser, async |session, slot| {
            assert!(slot.finish(200).await.unwrap().cookies.is_empty());
            session.commit_now().await.expect("nothing to commit");
            session.insert("late", 1).unwrap();
            session.commit_now().await.unwrap_err()
        })
    });
    assert!(error.is_headers_sent(), "{error}");
    assert_eq!(error.status(), 500);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].message.contains("commit_now"), "{events:?}");
    assert_eq!(events[0].level, tracing::Level::WARN);
}

#[test]
fn after_the_headers_a_cookie_session_cannot_be_ended() {
    let app = App::new(cookies(Seal::Signed));
    let browser = Browser::signed_in(&app);
    waiting(&app, &browser, async |session, slot| {
        slot.finish(200).await.unwrap();
        session.invalidate();
        assert!(session.commit_now().await.unwrap_err().is_headers_sent());
    });
}

#[test]
fn a_session_opened_after_the_headers_is_late_too() {
    let app = App::new(cookies(Seal::Signed));
    let (error, events) = traced(|| {
        run(async {
            let slot = SessionSlot::new(Arc::clone(&app.engine));
            assert!(!slot.finish(200).await.unwrap().opened);
            let session = slot.open(CookieHeader::default()).await.unwrap();
            session.insert("late", 1).unwrap();
            session.commit_now().await.unwrap_err()
        })
    });
    assert!(error.is_headers_sent(), "{error}");
    assert_eq!(events.len(), 1, "the loss is traced: {events:?}");
}

#[test]
fn a_touch_that_is_due_can_wait_for_the_next_request() {
    let app = App::new(cookies(Seal::Signed));
    let browser = Browser::signed_in(&app);
    waiting(&app, &browser, async |session, slot| {
        slot.finish(200).await.unwrap();
        app.at(seconds(600));
        session.commit_now().await.unwrap();
    });
}

#[test]
fn a_failed_commit_now_can_be_tried_again_smaller() {
    let app = App::new(cookies(Seal::Signed));
    let browser = Browser::signed_in(&app);
    let line = waiting(&app, &browser, async |session, slot| {
        session.insert("text", "x".repeat(5000)).unwrap();
        assert!(session.commit_now().await.unwrap_err().is_too_large());
        session.insert("text", "x").unwrap();
        session.commit_now().await.unwrap();
        only(&slot.finish(200).await.unwrap()).to_owned()
    });
    assert_eq!(Browser::with(value_of(&line)).user(&app).as_deref(), Some("ann"));
}

#[test]
fn cookies_of_earlier_commits_are_sent_even_if_the_last_fails() {
    let app = App::new(cookies(Seal::Signed));
    let line = waiting(&app, &Browser::default(), async |session, slot| {
        session.insert("user", "ann").unwrap();
        session.commit_now().await.unwrap();
        session.insert("text", "x".repeat(5000)).unwrap();
        let failure = slot.finish(200).await.unwrap_err();
        assert!(failure.error.is_too_large());
        only(&failure.effects).to_owned()
    });
    assert_eq!(Browser::with(value_of(&line)).user(&app).as_deref(), Some("ann"));
}

#[test]
fn a_commit_that_fails_is_one_event() {
    let app = App::new(cookies(Seal::Signed));
    let (_, events) =
        traced(|| Browser::default().visit(&app, |session| session.insert("text", "x".repeat(5000)).unwrap()).error());
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].level, tracing::Level::ERROR, "{events:?}");
}

#[test]
fn a_guard_that_cannot_write_fails_commit_now_once() {
    let app = App::new(cookies(Seal::Signed));
    let browser = Browser::signed_in(&app);
    waiting(&app, &browser, async |session, _| {
        struct Never(String);
        impl serde::Serialize for Never {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        impl<'de> serde::Deserialize<'de> for Never {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self)
            }
        }
        session.get_mut::<Never>("user").unwrap().unwrap().0.clear();
        assert!(session.commit_now().await.unwrap_err().is_encode());
        assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ann"));
        session.commit_now().await.unwrap();
    });
}

#[test]
fn a_cookie_session_goes_on_until_its_deadline() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let mut browser = Browser::signed_in(&app);
        let held = browser.clone();
        waiting(&app, &held, async |session, slot| {
            assert!(session.refresh().await.unwrap());
            slot.finish(200).await.unwrap();
            app.at(seconds(20 * 60));
            assert!(session.refresh().await.unwrap(), "opening counts as use");
            assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ann"));
            app.at(seconds(20 * 60) + MILLISECOND);
            assert!(!session.refresh().await.unwrap());
            assert!(session.is_empty());
        });
        app.at(seconds(0));
        browser.visit(&app, Session::invalidate);
        // The sign-out can't be detected, because the browser had the only copy.
        waiting(&app, &held, async |session, _| assert!(session.refresh().await.unwrap()));
    }
}
