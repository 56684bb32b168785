//! The session handle: every mutator of a loaded, unchanged session, and every operation without an
//! effect.

use cloakroom_session::factory::Seal;
use cloakroom_session::{Message, Session};
use serde::{Serialize, Serializer};

use crate::support::{Answer, App, BOTH, Browser, cookies, days, seconds};

/// Returns a browser whose session has one of everything.
fn furnished(app: &App) -> Browser {
    let mut browser = Browser::default();
    browser.visit(app, |session| {
        session.insert("user", "ann").unwrap();
        session.insert("cart", vec!["shoes"]).unwrap();
        session.insert("visits", 2).unwrap();
        session.flash("hello");
        session.flash_queue("news").push(Message::info("new"));
    });
    browser
}

fn visit(app: &App, handler: impl FnOnce(&Session)) -> (Browser, Answer) {
    let mut browser = furnished(app);
    let answer = browser.visit(app, handler);
    (browser, answer)
}

type Handler = fn(&Session);

/// Each mutator, and its effect on the next request.
const MUTATORS: &[(&str, Handler, Handler)] = &[
    (
        "insert, another value",
        |it| it.insert("visits", 3).unwrap(),
        |it| assert_eq!(it.get::<u32>("visits").unwrap(), Some(3)),
    ),
    ("insert, a new key", |it| it.insert("new", ()).unwrap(), |it| assert!(it.contains_key("new"))),
    (
        "extend",
        |it| it.extend([("visits", 4), ("more", 5)]).unwrap(),
        |it| assert_eq!(it.keys(), ["user", "cart", "visits", "more"]),
    ),
    ("remove", |it| assert!(it.remove("cart")), |it| assert_eq!(it.keys(), ["user", "visits"])),
    ("take", |it| assert_eq!(it.take::<u32>("visits").unwrap(), Some(2)), |it| assert!(!it.contains_key("visits"))),
    (
        "pop_item",
        |it| assert_eq!(it.pop_item::<u32>().unwrap(), Some(("visits".to_owned(), 2))),
        |it| assert_eq!(it.len(), 2),
    ),
    (
        "get_or_insert_with, absent",
        |it| assert_eq!(it.get_or_insert_with("theme", || "dark".to_owned()).unwrap(), "dark"),
        |it| assert_eq!(it.get::<String>("theme").unwrap().as_deref(), Some("dark")),
    ),
    (
        "update",
        |it| assert_eq!(it.update("visits", |visits: &mut u32| std::mem::replace(visits, 9)).unwrap(), 2),
        |it| assert_eq!(it.get::<u32>("visits").unwrap(), Some(9)),
    ),
    (
        "update, absent",
        |it| it.update("count", |count: &mut u32| *count += 1).unwrap(),
        |it| assert_eq!(it.get::<u32>("count").unwrap(), Some(1)),
    ),
    (
        "get_mut",
        |it| it.get_mut::<Vec<String>>("cart").unwrap().unwrap().push("hat".to_owned()),
        |it| assert_eq!(it.get::<Vec<String>>("cart").unwrap().unwrap(), ["shoes", "hat"]),
    ),
    (
        "get_mut, saved",
        |it| {
            let mut cart = it.get_mut::<Vec<String>>("cart").unwrap().unwrap();
            cart.clear();
            cart.save().unwrap();
        },
        |it| assert!(it.get::<Vec<String>>("cart").unwrap().unwrap().is_empty()),
    ),
    ("clear", |it| it.clear(), |it| assert!(it.is_empty() && !it.is_new())),
    ("changed", |it| it.changed(), |it| assert_eq!(it.len(), 3)),
    ("cycle_id", |it| it.cycle_id(), |it| assert_eq!(it.len(), 3)),
    ("remember", |it| it.remember(days(30)), |it| assert_eq!(it.len(), 3)),
    ("forget", |it| it.forget(), |it| assert_eq!(it.len(), 3)),
    ("set_owner", |it| it.set_owner("ann"), |it| assert_eq!(it.owner().as_deref(), Some("ann"))),
    ("set_label", |it| it.set_label("a browser"), |it| assert_eq!(it.len(), 3)),
    ("set_idle_timeout", |it| it.set_idle_timeout(seconds(60)), |it| assert_eq!(it.len(), 3)),
    ("set_absolute_timeout", |it| it.set_absolute_timeout(None), |it| assert_eq!(it.len(), 3)),
    ("flash", |it| it.flash("hello"), |it| assert_eq!(it.pop_flash::<String>(), ["hello", "hello"])),
    (
        "a queue's flash",
        |it| it.flash_queue("other").push_unique("once"),
        |it| assert_eq!(it.flash_queue("other").peek::<String>(), ["once"]),
    ),
    (
        "pop_flash",
        |it| assert_eq!(it.pop_flash::<String>(), ["hello"]),
        |it| {
            assert!(it.peek_flash::<String>().is_empty());
            assert_eq!(it.flash_queue("news").peek::<Message>(), [Message::info("new")]);
        },
    ),
    (
        "a queue's pop",
        |it| assert_eq!(it.flash_queue("news").pop::<Message>().len(), 1),
        |it| assert!(it.flash_queue("news").peek::<Message>().is_empty()),
    ),
    (
        "pop_flash of another type",
        |it| assert!(it.pop_flash::<u32>().is_empty()),
        |it| assert!(it.peek_flash::<serde_json::Value>().is_empty()),
    ),
    (
        "keep_flash",
        |it| {
            assert_eq!(it.pop_flash::<String>(), ["hello"]);
            it.keep_flash();
        },
        |it| assert_eq!(it.peek_flash::<String>(), ["hello"]),
    ),
    ("flash_value", |it| it.flash_value(("moved", 3)).unwrap(), |it| assert_eq!(it.flash_queue("").len(), 2)),
    ("new_csrf_token", |it| drop(it.new_csrf_token().unwrap()), |it| assert!(it.csrf_token().is_ok())),
];

#[test]
fn every_mutator_of_a_loaded_session_is_saved() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        for (name, change, check) in MUTATORS {
            let (mut browser, answer) = visit(&app, change);
            assert!(answer.sets_a_cookie(), "{seal:?}: {name}");
            assert_eq!(answer.lines().len(), 1, "{seal:?}: {name}");
            let mut seen = false;
            browser.visit(&app, |session| {
                check(session);
                seen = true;
            });
            assert!(seen, "{seal:?}: {name}");
        }
    }
}

#[test]
fn operations_without_an_effect_send_no_cookie() {
    let rows: &[(&str, Handler)] = &[
        ("no operation", |_| {}),
        ("get", |it| assert!(it.get::<u32>("visits").unwrap().is_some())),
        ("get, absent", |it| assert!(it.get::<u32>("none").unwrap().is_none())),
        ("get, of another type", |it| assert!(it.get::<u32>("cart").unwrap_err().is_decode())),
        ("contains_key, len, is_empty, keys", |it| {
            assert!(it.contains_key("user") && it.len() == 3 && !it.is_empty() && it.keys().len() == 3);
        }),
        ("entries", |it| assert_eq!(it.entries::<serde_json::Value>().unwrap().len(), 3)),
        ("entries, of another type", |it| assert!(it.entries::<u32>().unwrap_err().is_decode())),
        ("created, is_new, id, expires_at", |it| {
            assert!(!it.is_new() && it.created() > 0 && it.id().is_some() && it.expires_at().is_some());
        }),
        ("record", |it| assert_eq!(it.record().entries().len(), 3)),
        ("peek_flash", |it| assert_eq!(it.peek_flash::<String>(), ["hello"])),
        ("csrf_token", |it| assert!(it.csrf_token().is_ok())),
        ("masked_csrf_token", |it| assert_ne!(it.masked_csrf_token().unwrap(), it.masked_csrf_token().unwrap())),
        ("insert, an equal value", |it| it.insert("visits", 2).unwrap()),
        ("insert, an unwritable value", |it| assert!(it.insert("bad", Unwritable).unwrap_err().is_encode())),
        ("extend with nothing", |it| it.extend(Vec::<(String, u32)>::new()).unwrap()),
        ("extend with an equal value", |it| it.extend([("visits", 2)]).unwrap()),
        ("remove, absent", |it| assert!(!it.remove("none"))),
        ("take, absent", |it| assert!(it.take::<u32>("none").unwrap().is_none())),
        ("take, of another type", |it| assert!(it.take::<u32>("cart").unwrap_err().is_decode())),
        ("pop_item, of another type", |it| assert!(it.pop_item::<String>().unwrap_err().is_decode())),
        ("get_or_insert_with, present", |it| assert_eq!(it.get_or_insert_with("visits", || 7).unwrap(), 2)),
        ("update to the same", |it| it.update("visits", |_: &mut u32| ()).unwrap()),
        ("update, of another type", |it| assert!(it.update("cart", |_: &mut u32| ()).unwrap_err().is_decode())),
        ("get_mut, only read", |it| assert_eq!(it.get_mut::<u32>("visits").unwrap().map(|it| *it), Some(2))),
        ("get_mut, set to the same", |it| *it.get_mut::<u32>("visits").unwrap().unwrap() = 2),
        ("get_mut, absent", |it| assert!(it.get_mut::<u32>("none").unwrap().is_none())),
        ("a suppressed duplicate", |it| it.flash_queue("").push_unique("hello")),
        ("pop_flash of an empty queue", |it| assert!(it.flash_queue("none").pop::<String>().is_empty())),
        ("peek_flash of another type", |it| assert!(it.peek_flash::<u32>().is_empty())),
        ("len, is_empty of a queue", |it| assert!(it.flash_queue("").len() == 1 && !it.flash_queue("").is_empty())),
        ("debug", |it| assert!(!format!("{it:?}").contains("shoes"))),
    ];
    for seal in BOTH {
        let app = App::new(cookies(seal));
        for (name, read) in rows {
            let (_, answer) = visit(&app, read);
            assert!(answer.is_silent(), "{seal:?}: {name}");
        }
    }
}

#[test]
fn a_new_session_is_kept_only_if_it_holds_something() {
    let rows: &[(&str, Handler, bool)] = &[
        ("no operation", |_| {}, false),
        ("a read", |it| assert!(it.get::<u32>("visits").unwrap().is_none()), false),
        (
            "set and removed",
            |it| {
                it.insert("a", 1).unwrap();
                assert!(it.remove("a"));
            },
            false,
        ),
        (
            "flashed and popped",
            |it| {
                it.flash("a");
                assert_eq!(it.pop_flash::<String>().len(), 1);
            },
            false,
        ),
        ("remember", |it| it.remember(days(3)), true),
        ("an idle timeout", |it| it.set_idle_timeout(None), true),
        ("an absolute timeout", |it| it.set_absolute_timeout(days(3)), true),
        ("a label", |it| it.set_label("a browser"), true),
        ("an owner", |it| it.set_owner("ann"), true),
        ("forget", |it| it.forget(), false),
        (
            "a label, then invalidated",
            |it| {
                it.set_label("a browser");
                it.invalidate();
            },
            false,
        ),
        ("cycled", |it| it.cycle_id(), false),
        ("cleared", |it| it.clear(), false),
        ("invalidated", |it| it.invalidate(), false),
        ("a peek", |it| assert!(it.peek_flash::<String>().is_empty()), false),
        ("a value", |it| it.insert("a", 1).unwrap(), true),
        ("a message", |it| it.flash("a"), true),
        ("a token", |it| drop(it.csrf_token().unwrap()), true),
        ("a masked token", |it| drop(it.masked_csrf_token().unwrap()), true),
        ("changed", |it| it.changed(), true),
        (
            "invalidated, then a value",
            |it| {
                it.invalidate();
                it.insert("a", 1).unwrap();
            },
            true,
        ),
    ];
    for (name, handler, kept) in rows {
        let app = App::new(cookies(Seal::Signed));
        let answer = Browser::default().visit(&app, handler);
        assert_eq!(answer.sets_a_cookie(), *kept, "{name}");
    }
}

#[test]
fn invalidate_wins_over_everything_else_in_its_request() {
    let app = App::new(cookies(Seal::Encrypted));
    for (name, change, _) in MUTATORS {
        let (mut browser, answer) = visit(&app, |session| {
            change(session);
            session.invalidate();
        });
        assert!(!answer.sets_a_cookie() && answer.lines().len() == 1, "{name}: removed");
        assert_eq!(browser.value(), None, "{name}");
        browser.visit(&app, |session| assert!(session.is_new(), "{name}"));
    }
}

#[test]
fn writes_after_invalidate_start_a_new_session() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let mut browser = furnished(&app);
        let (mut id, mut token) = (None, None);
        browser.visit(&app, |it| (id, token) = (it.id(), Some(it.csrf_token().unwrap())));
        let answer = browser.visit(app.at(seconds(100)), |session| {
            session.insert("lost", 1).unwrap();
            session.invalidate();
            assert!(session.is_empty() && session.is_new());
            session.insert("user", "bob").unwrap();
        });
        assert_eq!(answer.lines().len(), 1, "{seal:?}: no removal in addition");
        browser.visit(&app, |session| {
            assert_eq!(session.keys(), ["user"], "{seal:?}");
            assert_ne!(session.id(), id, "{seal:?}");
            assert_ne!(Some(session.csrf_token().unwrap()), token, "{seal:?}");
            assert!(session.pop_flash::<String>().is_empty(), "{seal:?}");
            assert_eq!(session.created(), 1_700_000_100, "{seal:?}");
        });
    }
}

#[test]
fn a_cycled_session_keeps_everything_but_its_id_and_its_token() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = furnished(&app);
    let mut before = None;
    browser.visit(&app, |session| before = session.id().map(|id| (id, session.csrf_token().unwrap())));
    let (id, token) = before.unwrap();
    browser.visit(app.at(seconds(100)), |session| session.cycle_id());
    browser.visit(&app, |session| {
        assert_ne!(session.id(), Some(id));
        assert_ne!(session.csrf_token().unwrap(), token);
        assert_eq!((session.len(), session.created()), (3, 1_700_000_000));
    });
}

/// A value that can be written only up to 2, so that a guard can fail on drop.
#[derive(Debug, serde::Deserialize)]
#[serde(from = "u32")]
struct Moody(u32);

impl From<u32> for Moody {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

impl Serialize for Moody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 > 2 { Err(serde::ser::Error::custom("no")) } else { self.0.serialize(serializer) }
    }
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn a_guard_that_cannot_write_fails_the_commit_or_save() {
    let app = App::new(cookies(Seal::Signed));
    let (browser, answer) = visit(&app, |session| {
        session.insert("user", "bob").unwrap();
        session.get_mut::<Moody>("visits").unwrap().unwrap().0 = 3;
    });
    let error = answer.error();
    assert!(error.is_encode());
    assert_eq!(error.key(), Some("visits"));
    assert_eq!(browser.user(&app).as_deref(), Some("ann"), "all or nothing");

    let (browser, answer) = visit(&app, |session| {
        session.insert("user", "bob").unwrap();
        let mut visits = session.get_mut::<Moody>("visits").unwrap().unwrap();
        visits.0 = 3;
        assert!(visits.save().unwrap_err().is_encode());
    });
    assert!(answer.sets_a_cookie(), "the handler received the error and continued");
    assert_eq!(browser.user(&app).as_deref(), Some("bob"));
}

/// A guard's value of an ended session must not be written to the session that begins next.
#[test]
fn a_guard_writes_nothing_to_a_session_that_it_was_not_taken_from() {
    type End = fn(&Session);
    let ends: [(&str, End); 2] =
        [("invalidated", Session::invalidate), ("signed in as another", |session| session.set_owner("bob"))];
    for (name, end) in ends {
        for begins in [false, true] {
            let app = App::new(cookies(Seal::Signed));
            let mut browser = furnished(&app);
            browser.visit(&app, |session| session.set_owner("ann"));
            let answer = browser.visit(&app, |session| {
                let mut dropped = session.get_mut::<Vec<String>>("cart").unwrap().unwrap();
                dropped.push("secret".to_owned());
                let mut saved = session.get_mut::<u32>("visits").unwrap().unwrap();
                *saved += 1;
                end(session);
                if begins {
                    session.insert("theme", "dark").unwrap();
                }
                assert!(saved.save().unwrap_err().is_conflict(), "{name}");
            });
            assert_eq!(answer.lines().len(), 1, "{name}");
            let signs_in = name != "invalidated";
            assert_eq!(answer.sets_a_cookie(), begins || signs_in, "{name}: a guard starts no session");
            browser.visit(&app, |session| {
                assert_eq!(session.keys(), if begins { vec!["theme"] } else { vec![] }, "{name}");
            });
        }
    }
}

#[test]
fn a_guard_writes_to_a_session_under_its_new_id() {
    let app = App::new(cookies(Seal::Signed));
    let (mut browser, _) = visit(&app, |session| {
        let mut cart = session.get_mut::<Vec<String>>("cart").unwrap().unwrap();
        cart.push("hat".to_owned());
        session.cycle_id();
    });
    browser.visit(&app, |session| {
        assert_eq!(session.get::<Vec<String>>("cart").unwrap().unwrap(), ["shoes", "hat"]);
    });
}

#[test]
fn a_sign_in_over_another_owner_keeps_no_data() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let mut browser = furnished(&app);
        let (mut before, mut after) = (None, None);
        browser.visit(&app, |session| {
            session.set_owner("ann");
            before = Some(session.csrf_token().unwrap());
        });
        browser.visit(&app, |session| {
            session.set_owner("ann");
            assert_eq!(session.len(), 3, "{seal:?}: the same owner keeps everything");
            assert_ne!(Some(session.csrf_token().unwrap()), before, "{seal:?}: except the token");
        });
        let answer = browser.visit(&app, |session| {
            session.set_owner("bob");
            session.insert("theme", "dark").unwrap();
        });
        assert_eq!(answer.lines().len(), 1, "{seal:?}");
        browser.visit(&app, |session| {
            assert_eq!((session.keys(), session.owner().as_deref()), (vec!["theme".to_owned()], Some("bob")));
            assert!(session.pop_flash::<String>().is_empty(), "{seal:?}");
            after = Some(session.csrf_token().unwrap());
        });
        assert_ne!(before, after, "{seal:?}");
    }
}

#[test]
fn setters_that_fail_change_nothing_and_name_the_key() {
    let app = App::new(cookies(Seal::Signed));
    let (_, answer) = visit(&app, |session| {
        for (name, error) in [
            ("insert", session.insert("bad", Unwritable).unwrap_err()),
            ("extend", session.extend([("visits", 3), ("bad", 4)].map(|(key, it)| (key, Moody(it)))).unwrap_err()),
            ("flash", session.flash_queue("bad").push_value(Unwritable).unwrap_err()),
            ("a queue's flash", session.flash_queue("bad").push_value_unique(Unwritable).unwrap_err()),
            ("update", session.update("visits", |it: &mut Option<Moody>| *it = Some(Moody(3))).unwrap_err()),
        ] {
            assert!(error.is_encode(), "{name}: {error}");
            assert!(error.key().is_some_and(|key| key == "bad" || key == "visits"), "{name}");
        }
    });
    assert!(answer.is_silent());
}

#[test]
fn closures_and_iterators_may_read_the_session() {
    let app = App::new(cookies(Seal::Signed));
    let (_, answer) = visit(&app, |session| {
        let keys = session.get_or_insert_with("keys", || session.keys()).unwrap();
        assert_eq!(keys, ["user", "cart", "visits"]);
        let copies = ["visits"].into_iter().map(|key| (format!("old {key}"), session.get::<u32>(key).unwrap()));
        session.extend(copies).unwrap();
        assert_eq!(session.get::<u32>("old visits").unwrap(), Some(2));
    });
    assert!(answer.sets_a_cookie());
}

#[test]
fn all_handles_of_a_request_share_one_session() {
    let app = App::new(cookies(Seal::Signed));
    let browser = furnished(&app);
    let line = format!("{}={}", crate::support::NAME, browser.value().unwrap());
    crate::support::run(async {
        let slot = cloakroom_session::adapter::SessionSlot::new(std::sync::Arc::clone(&app.engine));
        let open = || slot.open(cloakroom_session::adapter::CookieHeader::new([line.as_bytes()]));
        let (one, other) = (open().await.unwrap(), open().await.unwrap());
        one.insert("visits", 3).unwrap();
        assert_eq!(other.get::<u32>("visits").unwrap(), Some(3));
        let clone = other.clone();
        std::thread::spawn(move || clone.insert("thread", true).unwrap()).join().unwrap();
        assert!(one.contains_key("thread"));
        assert_eq!(slot.finish(200).await.unwrap().cookies.len(), 1);
    });
}

/// A copy of a cookie would bring such a value back, so it is refused, with the reason.
#[test]
fn a_value_that_works_once_is_not_kept_in_a_cookie() {
    for seal in BOTH {
        let mut browser = Browser::default();
        let answer = browser.visit(&App::new(cookies(seal)), |session| {
            let error = session.insert_once("ceremony", 7).unwrap_err();
            assert!(error.is_unsupported());
            assert_eq!((error.key(), error.status()), (Some("ceremony"), 500));
            assert!(error.to_string().contains("keep it in a session of a store"), "{error}");
            assert!(!session.contains_key("ceremony"));
        });
        assert!(answer.lines().is_empty());
    }
}
