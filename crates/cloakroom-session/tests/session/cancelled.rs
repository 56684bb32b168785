//! Dropped commits and commits with an unknown outcome: each change is applied exactly once.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use cloakroom_session::Session;
use cloakroom_session::adapter::{CookieHeader, SessionSlot};

use crate::memory::{Fault, MemorySessions};
use crate::support::{App, Browser, NAME, run};

/// A request: its changes, its store calls, and whether a session exists afterwards.
struct Case {
    name: &'static str,
    signed_in: bool,
    act: fn(&Session),
    calls: &'static [&'static str],
    /// The session, or a new one that replaces it, has the changes.
    kept: bool,
}

/// Makes two changes that both show if they were applied twice.
fn change(session: &Session) {
    session.update("n", |n: &mut u32| *n += 1).unwrap();
    session.flash("once");
}

const CASES: [Case; 5] = [
    Case { name: "create", signed_in: false, act: change, calls: &["create"], kept: true },
    Case { name: "replace", signed_in: true, act: change, calls: &["replace"], kept: true },
    Case {
        name: "cycle",
        signed_in: true,
        act: |session| {
            change(session);
            session.cycle_id();
        },
        calls: &["cycle"],
        kept: true,
    },
    Case { name: "end", signed_in: true, act: Session::invalidate, calls: &["end"], kept: false },
    Case {
        name: "end, create",
        signed_in: true,
        act: |session| {
            session.invalidate();
            change(session);
        },
        calls: &["end", "create"],
        kept: true,
    },
];

struct Visit {
    factory: MemorySessions,
    app: App,
    browser: Browser,
    slot: SessionSlot,
    session: Session,
}

/// Begins a request whose handler has made the changes of the case.
fn begin(case: &Case) -> Visit {
    let factory = MemorySessions::new();
    let app = App::new(factory.clone());
    let browser = if case.signed_in { Browser::signed_in(&app) } else { Browser::default() };
    let slot = SessionSlot::new(Arc::clone(&app.engine));
    let line = browser.value().map(|value| format!("{NAME}={value}")).unwrap_or_default();
    let session = run(slot.open(CookieHeader::new([line.as_bytes()]))).unwrap();
    (case.act)(&session);
    factory.calls();
    Visit { factory, app, browser, slot, session }
}

/// Polls a future this many times, then drops it. Returns whether it completed.
fn give_up<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).any(|_| future.as_mut().poll(&mut context).is_ready())
}

impl Visit {
    /// Finishes the request, and checks the session of the browser's next request.
    async fn finish_and_check(mut self, case: &Case, row: &str) {
        let effects = self.slot.finish(200).await.unwrap();
        assert!(effects.cookies.len() <= 1, "{row}: {:?}", effects.cookies);
        self.browser.take(&effects, &self.app);
        self.check(case, row).await;
    }

    async fn check(&self, case: &Case, row: &str) {
        let slot = SessionSlot::new(Arc::clone(&self.app.engine));
        let line = self.browser.value().map(|value| format!("{NAME}={value}")).unwrap_or_default();
        let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
        assert_eq!(self.factory.records(), usize::from(case.kept), "{row}: sessions");
        assert_eq!(session.get::<u32>("n").unwrap(), case.kept.then_some(1), "{row}");
        assert_eq!(session.peek_flash::<String>().len(), usize::from(case.kept), "{row}");
    }
}

#[test]
fn a_commit_now_that_is_dropped_is_carried_out_once() {
    for case in &CASES {
        for with_runtime in [true, false] {
            let mut points = 0;
            for polls in 0.. {
                let visit = begin(case);
                let row = format!("{}, dropped after {polls} polls, with a runtime: {with_runtime}", case.name);
                let done = if with_runtime {
                    run(async {
                        let done = give_up(visit.session.commit_now(), polls);
                        visit.finish_and_check(case, &row).await;
                        done
                    })
                } else {
                    let done = give_up(visit.session.commit_now(), polls);
                    run(visit.finish_and_check(case, &row));
                    done
                };
                if done {
                    break;
                }
                points += 1;
            }
            assert!(points > 2 * case.calls.len(), "{}: every await of the commit was covered", case.name);
        }
    }
}

#[test]
fn a_dropped_commit_now_continues_in_the_background() {
    for case in &CASES {
        let Visit { factory, session, slot, .. } = begin(case);
        run(async {
            assert!(!give_up(session.commit_now(), 1), "{}", case.name);
            drop((session, slot));
            settle().await;
            assert_eq!(factory.calls(), case.calls, "{}", case.name);
            assert_eq!(factory.records(), usize::from(case.kept), "{}", case.name);
        });
    }
}

/// Runs the tasks of this runtime until they are idle.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_dropped_response_is_committed_completely() {
    for case in &CASES {
        let mut points = 0;
        for polls in 0.. {
            let row = format!("{}, dropped after {polls} polls", case.name);
            let Visit { factory, session, slot, .. } = begin(case);
            let done = run(async {
                let done = give_up(slot.finish(200), polls);
                drop((session, slot));
                settle().await;
                assert_eq!(factory.calls(), case.calls, "{row}");
                assert_eq!(factory.records(), usize::from(case.kept), "{row}");
                done
            });
            if done {
                break;
            }
            points += 1;
        }
        assert!(points > 2 * case.calls.len(), "{}: every await of the commit was covered", case.name);
    }
}

#[test]
fn a_response_that_is_dropped_while_it_waits_for_another_commit_is_committed_too() {
    for polls in 0..4 {
        let case = &CASES[1];
        let visit = begin(case);
        run(async {
            {
                let mut now = pin!(visit.session.commit_now());
                assert!(now.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                visit.session.insert("more", true).unwrap();
                assert!(!give_up(visit.slot.finish(200), polls));
            }
            settle().await;
            visit.check(case, "while another commit ran").await;
            assert_eq!(visit.factory.calls(), ["replace", "replace", "load"], "after {polls} polls");
        });
    }
}

#[test]
fn a_commit_of_unknown_outcome_is_resolved_by_the_next() {
    for case in &CASES {
        for fault in [Fault::Down, Fault::Lost] {
            for again in [false, true] {
                let visit = begin(case);
                let row = format!("{}, {fault:?}, commit_now again: {again}", case.name);
                run(async {
                    visit.factory.suffers(fault);
                    assert!(visit.session.commit_now().await.unwrap_err().is_unavailable(), "{row}");
                    assert!(visit.session.commit_now().await.unwrap_err().is_unavailable(), "{row}: still unavailable");
                    visit.factory.suffers(Fault::None);
                    if again {
                        visit.session.commit_now().await.unwrap();
                    }
                    visit.finish_and_check(case, &row).await;
                });
            }
        }
    }
}

#[test]
fn changes_after_a_commit_of_unknown_outcome_are_committed() {
    for case in CASES.iter().filter(|case| case.kept) {
        for fault in [Fault::Down, Fault::Lost] {
            let mut visit = begin(case);
            let row = format!("{}, {fault:?}", case.name);
            run(async {
                visit.factory.suffers(fault);
                visit.session.commit_now().await.unwrap_err();
                visit.session.update("n", |n: &mut u32| *n += 100).unwrap();
                visit.factory.suffers(Fault::None);
                let effects = visit.slot.finish(200).await.unwrap();
                visit.browser.take(&effects, &visit.app);
            });
            visit.browser.visit(&visit.app, |session| {
                assert_eq!(session.get::<u32>("n").unwrap(), Some(101), "{row}");
                assert_eq!(session.pop_flash::<String>(), ["once"], "{row}");
            });
        }
    }
}

#[test]
fn another_request_after_a_commit_of_unknown_outcome_counts_once() {
    for fault in [Fault::Down, Fault::Lost] {
        let mut visit = begin(&CASES[1]);
        visit.factory.suffers(fault);
        run(visit.session.commit_now()).unwrap_err();
        visit.factory.suffers(Fault::None);
        visit.browser.clone().visit(&visit.app, |session| {
            session.update("n", |n: &mut u32| *n += 10).unwrap();
        });
        run(visit.slot.finish(200)).unwrap();
        visit.browser.visit(&visit.app, |session| {
            assert_eq!(session.get::<u32>("n").unwrap(), Some(11), "{fault:?}");
            assert_eq!(session.pop_flash::<String>(), ["once"], "{fault:?}");
        });
    }
}

/// A user name that can no longer be decoded once the flag is set.
#[derive(Default)]
struct Fickle(String);

static UNREADABLE: AtomicBool = AtomicBool::new(false);

impl serde::Serialize for Fickle {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Fickle {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if UNREADABLE.load(Ordering::SeqCst) {
            return Err(serde::de::Error::custom("not any more"));
        }
        String::deserialize(deserializer).map(Self)
    }
}

#[test]
fn the_cookie_of_a_commit_is_sent_even_if_a_late_change_cannot_be_replayed() {
    let mut visit = begin(&CASES[2]);
    run(async {
        let mut finish = pin!(visit.slot.finish(200));
        assert!(finish.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        visit.session.update("user", |user: &mut Fickle| user.0.push('!')).unwrap();
        UNREADABLE.store(true, Ordering::SeqCst);
        let failure = finish.await.unwrap_err();
        assert!(failure.error.is_decode(), "{}", failure.error);
        assert_eq!(failure.effects.cookies.len(), 1, "without the new id, the browser would be signed out");
        visit.browser.take(&failure.effects, &visit.app);
        visit.check(&CASES[2], "committed").await;
    });
    assert_eq!(visit.browser.user(&visit.app).as_deref(), Some("ann"), "the late change is lost");
}
