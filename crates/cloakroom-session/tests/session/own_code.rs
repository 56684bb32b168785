//! Application code that the session calls and that uses the session itself. It must never
//! deadlock.

use std::cell::RefCell;
use std::sync::Arc;

use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::factory::{CookieHeader, KeyName, Seal};
use cloakroom_session::{IntoKey, Session};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::memory::MemorySessions;
use crate::panics::in_time;
use crate::support::{App, Browser, NAME, cookies, run};

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
}

/// Uses the session in all ways that take its lock: reads, writes and `Debug`.
fn use_it(session: &Session) {
    let seen = session.get::<u32>("seen").unwrap().unwrap_or_default();
    session.insert("seen", seen + 1).unwrap();
    session.flash_queue("seen").push("seen");
    assert!(session.csrf_token().is_ok() && !session.is_empty() && !format!("{session:?}").is_empty());
}

fn use_the_session() {
    let session = SESSION.with_borrow(Clone::clone);
    session.iter().for_each(use_it);
}

/// A number that uses the session when it is serialized or deserialized.
#[derive(Clone, Debug, Default, PartialEq)]
struct Nosy(u32);

impl Serialize for Nosy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use_the_session();
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Nosy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use_the_session();
        u32::deserialize(deserializer).map(Self)
    }
}

type Row = (&'static str, fn(&Session));

const ROWS: &[Row] = &[
    ("get", |it| assert_eq!(it.get::<Nosy>("nosy").unwrap(), Some(Nosy(1)))),
    ("insert", |it| it.insert("new", Nosy(2)).unwrap()),
    ("extend", |it| it.extend([("new", Nosy(2)), ("nosy", Nosy(3))]).unwrap()),
    ("extend, from an iterator", |it| {
        it.extend(["a", "b"].into_iter().inspect(|_| use_it(it)).map(|key| (key, Nosy(2)))).unwrap();
    }),
    ("take", |it| assert_eq!(it.take::<Nosy>("nosy").unwrap(), Some(Nosy(1)))),
    ("pop_item", |it| assert_eq!(it.pop_item::<Nosy>().unwrap(), Some(("nosy".to_owned(), Nosy(1))))),
    ("get_or_insert_with, present", |it| assert_eq!(it.get_or_insert_with("nosy", || Nosy(2)).unwrap(), Nosy(1))),
    ("get_or_insert_with, absent", |it| {
        let default = || {
            use_it(it);
            Nosy(2)
        };
        assert_eq!(it.get_or_insert_with("new", default).unwrap(), Nosy(2));
    }),
    ("update", |it| {
        it.update("nosy", |nosy: &mut Nosy| {
            use_the_session();
            nosy.0 += 1;
        })
        .unwrap();
        assert_eq!(it.get::<u32>("nosy").unwrap(), Some(2));
    }),
    ("update, of a key that its closure sets", |it| {
        let own = it.clone();
        let change = move |_: &mut u32| {
            let next = own.get::<u32>("nosy").unwrap().unwrap() + 1;
            own.insert("nosy", next).unwrap();
        };
        assert!(it.update("nosy", change).unwrap_err().is_conflict());
    }),
    ("get_mut, dropped", |it| it.get_mut::<Nosy>("nosy").unwrap().unwrap().0 = 2),
    ("get_mut, saved", |it| {
        let mut nosy = it.get_mut::<Nosy>("nosy").unwrap().unwrap();
        nosy.0 = 2;
        nosy.save().unwrap();
    }),
    ("entries", |it| assert_eq!(it.entries::<Nosy>().unwrap().len(), 2)),
    ("flash_value", |it| it.flash_value(Nosy(2)).unwrap()),
    ("a queue's push_value", |it| it.flash_queue("q").push_value(Nosy(2)).unwrap()),
    ("a queue's push_value_unique", |it| it.flash_queue("").push_value_unique(Nosy(1)).unwrap()),
    ("pop_flash", |it| assert_eq!(it.pop_flash::<Nosy>(), [Nosy(1)])),
    ("peek_flash", |it| assert_eq!(it.peek_flash::<Nosy>(), [Nosy(1)])),
];

/// Runs a request with this operation, whose values use its session.
fn uses(name: &str, act: fn(&Session)) {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::default();
    browser.visit(&app, |session| {
        session.extend([("plain", 1), ("nosy", 1)]).unwrap();
        session.flash_value(1).unwrap();
    });
    let answer = browser.visit(&app, |session| {
        SESSION.set(Some(session.clone()));
        act(session);
        SESSION.take();
    });
    assert!(answer.sets_a_cookie(), "{name}: the changes of the values are committed");
}

#[test]
fn values_and_closures_may_use_the_session() {
    for (name, act) in ROWS {
        in_time(name, move || uses(name, *act));
    }
}

#[test]
fn replayed_closures_may_use_the_session() {
    // The update is replayed by the factory on another request's version, or by the session on its
    // own commit.
    for by_the_factory in [true, false] {
        in_time("replayed", move || {
            let app = App::new(MemorySessions::new());
            let browser = Browser::signed_in(&app);
            let line = format!("{NAME}={}", browser.value().unwrap());
            run(async {
                let slot = SessionSlot::new(Arc::clone(&app.engine));
                let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
                let own = session.clone();
                let update = || {
                    let own = own.clone();
                    session
                        .update("count", move |count: &mut u32| {
                            if by_the_factory {
                                use_it(&own);
                            } else {
                                assert!(!own.is_empty() && own.get::<u32>("count").unwrap().is_some());
                            }
                            *count += 1;
                        })
                        .unwrap();
                };
                if by_the_factory {
                    update();
                    let other = SessionSlot::new(Arc::clone(&app.engine));
                    let theirs = other.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
                    theirs.insert("count", 10).unwrap();
                    other.finish(200).await.unwrap();
                } else {
                    session.insert("count", 10).unwrap();
                    let mut first = std::pin::pin!(session.commit_now());
                    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                    assert!(first.as_mut().poll(&mut context).is_pending());
                    update();
                    first.await.unwrap();
                }
                slot.finish(200).await.unwrap();
            });
            browser.clone().visit(&app, |session| {
                assert_eq!(session.get::<u32>("count").unwrap(), Some(11), "by the factory: {by_the_factory}");
            });
        });
    }
}

/// A key that uses the session when its name is read.
struct NosyKey(&'static str);

impl KeyName for NosyKey {
    fn name(&self) -> &str {
        use_the_session();
        self.0
    }
}

impl<T> IntoKey<T> for NosyKey {}

impl AsRef<str> for NosyKey {
    fn as_ref(&self) -> &str {
        use_the_session();
        self.0
    }
}

/// Uses the session when it is dropped.
struct Parting(Session);

impl Drop for Parting {
    fn drop(&mut self) {
        use_it(&self.0);
    }
}

fn with_a_parting_closure(session: &Session) {
    let parting = Parting(session.clone());
    let change = move |count: &mut u32| {
        let _ = &parting;
        *count += 1;
    };
    session.update("count", change).unwrap();
}

#[test]
fn keys_and_values_owned_by_closures_may_use_the_session() {
    const ROWS: &[Row] = &[
        ("get", |it| assert_eq!(it.get::<u32>(NosyKey("nosy")).unwrap(), Some(1))),
        ("insert", |it| it.insert(NosyKey("nosy"), 2).unwrap()),
        ("extend", |it| it.extend([(NosyKey("nosy"), 2)]).unwrap()),
        ("remove", |it| assert!(it.remove(NosyKey("nosy")))),
        ("contains_key", |it| assert!(it.contains_key(NosyKey("nosy")))),
        ("take", |it| assert!(it.take::<u32>(NosyKey("nosy")).unwrap().is_some())),
        ("update", |it| it.update(NosyKey("nosy"), |_: &mut u32| ()).unwrap()),
        ("get_mut", |it| *it.get_mut::<u32>(NosyKey("nosy")).unwrap().unwrap() = 2),
        ("a closure dropped with its session", |it| {
            with_a_parting_closure(it);
            it.invalidate();
            it.insert("a", 1).unwrap();
        }),
        ("a closure dropped because another value is set", |it| {
            with_a_parting_closure(it);
            it.insert("count", 1).unwrap();
            (0..100).for_each(|number| it.insert("count", number).unwrap());
        }),
        ("a closure dropped because of a commit", |it| {
            with_a_parting_closure(it);
            let mut now = std::pin::pin!(it.commit_now());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(now.as_mut().poll(&mut context).is_ready());
        }),
    ];
    let mut hang = Vec::new();
    for (name, act) in ROWS {
        let run = std::panic::catch_unwind(|| in_time(name, move || uses(name, *act)));
        if run.is_err() {
            hang.push(*name);
        }
    }
    assert!(hang.is_empty(), "{hang:?}");
}

#[test]
fn a_closure_that_always_writes_is_not_replayed_for_ever() {
    in_time("replayed", move || {
        let app = App::new(MemorySessions::new());
        let browser = Browser::signed_in(&app);
        let line = format!("{NAME}={}", browser.value().unwrap());
        run(async {
            let slot = SessionSlot::new(Arc::clone(&app.engine));
            let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
            session.insert("count", 10).unwrap();
            let mut first = std::pin::pin!(session.commit_now());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(first.as_mut().poll(&mut context).is_pending());
            let own = session.clone();
            let change = move |count: &mut u32| {
                use_it(&own);
                *count += 1;
            };
            session.update("count", change).unwrap();
            // It either succeeds or fails, but it ends.
            let _ = first.await;
        });
    });
}
