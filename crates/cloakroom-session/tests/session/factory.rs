//! Sessions of a custom factory: the store calls and the cookies of each request.

use std::sync::Arc;

use cloakroom_session::Session;
use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::SessionId;

use crate::memory::{Fault, MemorySessions};
use crate::support::{Answer, App, Browser, NAME, days, run, seconds, value_of};
use crate::traces::traced;

/// The cookie of a visitor's request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    New,
    Loaded,
    /// An id that was superseded recently.
    Detached,
    /// An id that is unknown.
    Unknown,
}

fn start(start: Start) -> (MemorySessions, App, Browser) {
    let factory = MemorySessions::new();
    let app = App::new(factory.clone());
    let mut browser = Browser::default();
    match start {
        Start::New => {}
        Start::Unknown => browser = Browser::with(&SessionId::from_random([7; 32]).expose()),
        Start::Loaded | Start::Detached => {
            browser = Browser::signed_in(&app);
            if start == Start::Detached {
                browser.clone().visit(&app, |session| session.cycle_id());
            }
        }
    }
    factory.calls();
    (factory, app, browser)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Nothing,
    Set,
    Removed,
}

fn said(answer: &Answer) -> Said {
    match answer.lines()[..] {
        [] => Said::Nothing,
        [line] if line.contains("Max-Age=0") => Said::Removed,
        [_] => Said::Set,
        ref lines => panic!("{} cookies", lines.len()),
    }
}

#[test]
fn each_request_has_its_store_calls_and_cookie() {
    use Said::{Nothing, Removed, Set};
    use Start::{Detached, Loaded, New, Unknown};
    type Row = (&'static str, Start, fn(&Session), &'static [&'static str], Said);
    let rows: &[Row] = &[
        ("nothing", New, |_| {}, &[], Nothing),
        ("read", New, |it| assert!(it.is_empty()), &[], Nothing),
        ("cycle alone", New, |it| it.cycle_id(), &[], Nothing),
        ("invalidate", New, |it| it.invalidate(), &[], Nothing),
        ("write", New, |it| it.insert("a", 1).unwrap(), &["create"], Set),
        (
            "write, cycle",
            New,
            |it| {
                it.insert("a", 1).unwrap();
                it.cycle_id();
            },
            &["create"],
            Set,
        ),
        (
            "write, invalidate",
            New,
            |it| {
                it.insert("a", 1).unwrap();
                it.invalidate();
            },
            &[],
            Nothing,
        ),
        (
            "invalidate, write",
            New,
            |it| {
                it.invalidate();
                it.insert("a", 1).unwrap();
            },
            &["create"],
            Set,
        ),
        ("remember", New, |it| it.remember(days(30)), &["create"], Set),
        ("a label", New, |it| it.set_label("a browser"), &["create"], Set),
        ("an idle timeout", New, |it| it.set_idle_timeout(days(1)), &["create"], Set),
        ("sign in", New, |it| it.set_owner("ann"), &["create"], Set),
        ("a token", New, |it| drop(it.csrf_token().unwrap()), &["create"], Set),
        ("nothing", Loaded, |_| {}, &["load"], Nothing),
        ("read", Loaded, |it| assert!(!it.is_empty()), &["load"], Nothing),
        ("write", Loaded, |it| it.insert("a", 1).unwrap(), &["load", "replace"], Nothing),
        ("write the same", Loaded, |it| it.insert("user", "ann").unwrap(), &["load"], Nothing),
        ("changed", Loaded, |it| it.changed(), &["load", "replace"], Set),
        ("remember", Loaded, |it| it.remember(days(30)), &["load", "replace"], Set),
        ("cycle", Loaded, |it| it.cycle_id(), &["load", "cycle"], Set),
        ("sign in", Loaded, |it| it.set_owner("ann"), &["load", "cycle"], Set),
        (
            "sign in, sign in as another",
            Loaded,
            |it| {
                it.set_owner("ann");
                it.set_owner("bob");
            },
            &["load", "end", "create"],
            Set,
        ),
        (
            "cycle, write",
            Loaded,
            |it| {
                it.cycle_id();
                it.insert("a", 1).unwrap();
            },
            &["load", "cycle"],
            Set,
        ),
        ("invalidate", Loaded, |it| it.invalidate(), &["load", "end"], Removed),
        (
            "invalidate, write",
            Loaded,
            |it| {
                it.invalidate();
                it.insert("a", 1).unwrap();
            },
            &["load", "end", "create"],
            Set,
        ),
        (
            "cycle, invalidate",
            Loaded,
            |it| {
                it.cycle_id();
                it.invalidate();
            },
            &["load", "end"],
            Removed,
        ),
        (
            "invalidate, cycle",
            Loaded,
            |it| {
                it.invalidate();
                it.cycle_id();
            },
            &["load", "end"],
            Removed,
        ),
        ("nothing", Detached, |_| {}, &["load"], Nothing),
        ("read", Detached, |it| assert!(it.is_empty()), &["load"], Nothing),
        ("write", Detached, |it| it.insert("a", 1).unwrap(), &["load", "drop"], Nothing),
        ("remember", Detached, |it| it.remember(days(30)), &["load", "drop"], Nothing),
        // The session ends under its new id, and the browser's newer cookie is removed.
        ("invalidate", Detached, |it| it.invalidate(), &["load", "end"], Removed),
        (
            "invalidate, write",
            Detached,
            |it| {
                it.invalidate();
                it.insert("a", 1).unwrap();
            },
            &["load", "end", "create"],
            Set,
        ),
        (
            "write, cycle",
            Detached,
            |it| {
                it.insert("a", 1).unwrap();
                it.cycle_id();
            },
            &["load", "create"],
            Set,
        ),
        (
            "cycle, write",
            Detached,
            |it| {
                it.cycle_id();
                it.insert("a", 1).unwrap();
            },
            &["load", "create"],
            Set,
        ),
        ("sign in", Detached, |it| it.set_owner("ann"), &["load", "create"], Set),
        ("nothing", Unknown, |_| {}, &["load"], Nothing),
        ("write", Unknown, |it| it.insert("a", 1).unwrap(), &["load", "create"], Set),
        ("invalidate", Unknown, |it| it.invalidate(), &["load"], Nothing),
    ];
    for (name, from, handler, calls, cookie) in rows {
        let (factory, app, mut browser) = start(*from);
        let before = browser.value().map(str::to_owned);
        let answer = browser.visit(&app, handler);
        assert_eq!(said(&answer), *cookie, "{from:?}: {name}");
        assert_eq!(factory.calls(), *calls, "{from:?}: {name}");
        if *cookie == Set && !matches!(*name, "changed" | "remember") {
            assert_ne!(browser.value().map(str::to_owned), before, "{from:?}: {name}: a new id");
        }
    }
}

#[test]
fn ended_and_moved_ids_open_nothing_any_more() {
    let (factory, app, browser) = start(Start::Loaded);
    let copy = browser.clone();
    let mut signed_out = browser.clone();
    signed_out.visit(&app, |session| session.invalidate());
    assert_eq!((copy.user(&app), factory.records()), (None, 0));

    let (factory, app, browser) = start(Start::Loaded);
    let copy = browser.clone();
    let mut cycled = browser;
    cycled.visit(&app, |session| session.cycle_id());
    assert_eq!(copy.user(&app), None, "a superseded id never reads the session");
    assert_eq!(cycled.user(&app).as_deref(), Some("ann"));
    assert_eq!(factory.records(), 1);
}

#[test]
fn a_touch_needs_no_cookie() {
    let (factory, app, mut browser) = start(Start::Loaded);
    assert!(browser.visit(app.at(seconds(600)), |_| {}).is_silent());
    assert_eq!(factory.calls(), ["load", "touch"]);
    assert!(browser.user(app.at(seconds(1801))).is_none(), "expired a second after the extended deadline");
    assert!(browser.user(app.at(seconds(1800))).is_some());
}

#[test]
fn a_session_in_a_store_can_be_committed_after_the_headers() {
    let (factory, app, browser) = start(Start::Loaded);
    let line = format!("{NAME}={}", browser.value().unwrap());
    run(async {
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
        assert!(slot.finish(200).await.unwrap().cookies.is_empty());
        session.insert("user", "bob").unwrap();
        session.commit_now().await.unwrap();
        session.cycle_id();
        assert!(session.commit_now().await.unwrap_err().is_headers_sent(), "a new id needs a cookie");
    });
    assert_eq!(factory.calls(), ["load", "replace"]);
    assert_eq!(browser.user(&app).as_deref(), Some("bob"));
}

#[test]
fn a_session_in_a_store_can_be_ended_after_the_headers() {
    let (factory, app, browser) = start(Start::Loaded);
    let line = format!("{NAME}={}", browser.value().unwrap());
    run(async {
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
        assert!(slot.finish(200).await.unwrap().cookies.is_empty());
        session.invalidate();
        session.commit_now().await.unwrap();
        assert_eq!(factory.records(), 0);
        session.insert("user", "bob").unwrap();
        assert!(session.commit_now().await.unwrap_err().is_headers_sent(), "a new session needs a cookie");
    });
    assert_eq!(factory.calls(), ["load", "end"]);
    assert_eq!(browser.user(&app), None);
}

#[test]
fn a_store_that_is_down_is_only_an_error() {
    let (factory, app, browser) = start(Start::Loaded);
    factory.suffers(Fault::Down);
    let line = format!("{NAME}={}", browser.value().unwrap());
    run(async {
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let error = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap_err();
        assert!(error.is_unavailable());
        assert_eq!((error.status(), error.retry_after()), (503, Some(5)));
        assert!(!slot.finish(200).await.unwrap().opened, "handlers that don't use the session are unaffected");
        // The store recovers during the request.
        factory.suffers(Fault::None);
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
        session.insert("user", "bob").unwrap();
        factory.suffers(Fault::Down);
        assert!(session.commit_now().await.unwrap_err().is_unavailable());
        factory.suffers(Fault::None);
        assert!(slot.finish(200).await.unwrap().cookies.is_empty());
    });
    assert_eq!(browser.user(&app).as_deref(), Some("bob"), "the failed commit lost no change");
}

#[test]
fn commits_of_one_session_follow_each_other() {
    let (factory, app, _) = start(Start::New);
    let line = run(async {
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::default()).await.unwrap();
        session.insert("one", 1).unwrap();
        let first = async {
            session.commit_now().await.unwrap();
            session.insert("two", 2).unwrap();
        };
        let second = async {
            session.commit_now().await.unwrap();
            session.insert("three", 3).unwrap();
            session.commit_now().await.unwrap();
        };
        let end = async {
            tokio::task::yield_now().await;
            slot.finish(200).await.unwrap()
        };
        let ((), (), effects) = tokio::join!(first, second, end);
        // A change after the response is committed by the next `commit_now`.
        session.commit_now().await.unwrap();
        assert_eq!(effects.cookies.len(), 1);
        effects.cookies[0].as_str().to_owned()
    });
    assert_eq!(factory.records(), 1, "one session, not one for each commit: {:?}", factory.calls());
    Browser::with(value_of(&line)).visit(&app, |session| {
        assert!(["one", "two", "three"].into_iter().all(|key| session.contains_key(key)), "{:?}", session.keys());
    });
}

#[test]
fn a_dropped_commit_does_not_block_the_next() {
    let (_, app, _) = start(Start::New);
    run(async {
        let slot = SessionSlot::new(Arc::clone(&app.engine));
        let session = slot.open(CookieHeader::default()).await.unwrap();
        session.insert("one", 1).unwrap();
        {
            let mut given_up = std::pin::pin!(session.commit_now());
            let mut waiting = std::pin::pin!(session.commit_now());
            // Polled once each: the first holds the right to commit, the second waits for it.
            assert!(once(given_up.as_mut()).await.is_none());
            assert!(once(waiting.as_mut()).await.is_none());
        }
        assert_eq!(slot.finish(200).await.unwrap().cookies.len(), 1);
    });
}

/// Polls once.
async fn once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn changes_of_a_stream_are_kept_or_reported_as_lost() {
    type Stream = fn(&Session, &MemorySessions);
    let rows: [(&str, Stream, usize); 6] = [
        ("reads", |it, _| assert!(it.contains_key("user")), 0),
        (
            "changes and commits",
            |it, _| {
                it.insert("step", 1).unwrap();
                run(it.commit_now()).unwrap();
            },
            0,
        ),
        ("changes and forgets", |it, _| it.insert("step", 1).unwrap(), 1),
        (
            "commits all but the last",
            |it, _| {
                it.insert("step", 1).unwrap();
                run(it.commit_now()).unwrap();
                it.insert("step", 2).unwrap();
            },
            1,
        ),
        (
            "the store is down",
            |it, factory| {
                it.insert("step", 1).unwrap();
                factory.suffers(Fault::Down);
                run(it.commit_now()).unwrap_err();
            },
            1,
        ),
        (
            "the store was down",
            |it, factory| {
                it.insert("step", 1).unwrap();
                factory.suffers(Fault::Down);
                run(it.commit_now()).unwrap_err();
                factory.suffers(Fault::None);
                run(it.commit_now()).unwrap();
            },
            0,
        ),
    ];
    for (name, stream, lost) in rows {
        let (factory, app, browser) = start(Start::Loaded);
        let line = format!("{NAME}={}", browser.value().unwrap());
        let (_, events) = traced(|| {
            let slot = SessionSlot::new(Arc::clone(&app.engine));
            let session = run(slot.open(CookieHeader::new([line.as_bytes()]))).unwrap();
            run(slot.finish(200)).unwrap();
            stream(&session, &factory);
        });
        let losses: Vec<_> = events.iter().filter(|event| event.message.contains("session changes lost")).collect();
        assert_eq!(losses.len(), lost, "{name}: {events:?}");
        assert!(losses.iter().all(|it| it.field("changes") == Some("step")), "{losses:?}");
    }
}
