//! Flash messages that can't be decoded, full queues, and messages of one response.

use cloakroom_session::factory::Seal;
use cloakroom_session::{Message, Session};
use serde_json::{Value, json};
use tracing::Level;

use crate::support::{App, BOTH, Browser, cookies};
use crate::traces::traced;

/// Fills a queue with messages of several types, as after a deployment that changed the type.
fn mixed(session: &Session) {
    session.flash("one");
    session.flash(Message::info("two"));
    session.flash_value(json!({"text": "three"})).unwrap();
    session.flash("four");
}

#[test]
fn a_message_of_another_type_is_removed_and_traced() {
    for seal in BOTH {
        let app = App::new(cookies(seal));
        let mut browser = Browser::default();
        browser.visit(&app, mixed);
        let (answer, events) = traced(|| {
            browser.visit(&app, |session| assert_eq!(session.pop_flash::<String>(), ["one", "four"], "{seal:?}"))
        });
        assert!(answer.sets_a_cookie(), "{seal:?}");
        assert_eq!(events.len(), 2, "{seal:?}: one event for each message: {events:?}");
        for event in &events {
            assert_eq!((event.level, event.field("queue")), (Level::WARN, Some("")), "{seal:?}");
            let said = format!("{event:?}");
            assert!(!said.contains("two") && !said.contains("three"), "{seal:?}: quotes the message: {said}");
        }
        let (_, events) = traced(|| browser.visit(&app, |session| assert!(session.pop_flash::<Value>().is_empty())));
        assert!(events.is_empty(), "{seal:?}: {events:?}");
    }
}

#[test]
fn a_peek_skips_messages_of_another_type() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::default();
    browser.visit(&app, mixed);
    let (answer, events) = traced(|| {
        browser.visit(&app, |session| {
            assert_eq!(session.peek_flash::<String>(), ["one", "four"]);
            assert_eq!(session.peek_flash::<Message>(), [Message::info("two")]);
            assert_eq!(session.flash_queue("").len(), 4);
        })
    });
    assert!(answer.is_silent() && events.is_empty(), "{events:?}");
    browser.visit(&app, |session| {
        let all = [json!("one"), json!(["info", "two"]), json!({"text": "three"}), json!("four")];
        assert_eq!(session.pop_flash::<Value>(), all);
    });
}

#[test]
fn a_full_queue_loses_its_oldest_message() {
    for (name, limit, given) in [("the default", None, 100), ("three", Some(3), 3), ("none at all", Some(0), 1)] {
        let app = App::with(cookies(Seal::Signed), |engine| match limit {
            Some(limit) => engine.flash_limit(limit),
            None => engine,
        });
        let mut browser = Browser::default();
        let (_, events) = traced(|| {
            browser.visit(&app, |session| {
                (0..given + 2).for_each(|number| session.flash_value(number).unwrap());
                session.flash_queue("other").push("apart");
            })
        });
        assert_eq!(events.iter().filter(|event| event.level == Level::WARN).count(), 2, "{name}: {events:?}");
        browser.visit(&app, |session| {
            assert_eq!(session.pop_flash::<usize>(), (2..given + 2).collect::<Vec<_>>(), "{name}");
            assert_eq!(session.flash_queue("other").pop::<String>(), ["apart"], "{name}");
        });
    }
}

#[test]
fn a_message_for_now_is_shown_by_this_response_only() {
    let app = App::new(cookies(Seal::Signed));
    let mut browser = Browser::default();
    let answer = browser.visit(&app, |session| {
        session.flash_now("one");
        session.flash_queue("other").push_now(Message::info("apart"));
        assert_eq!(session.flash_queue("").len(), 1);
        assert_eq!(session.peek_flash::<String>(), ["one"]);
        assert_eq!(session.pop_flash::<String>(), ["one"]);
        assert!(session.flash_queue("").is_empty() && session.pop_flash::<String>().is_empty());
    });
    assert!(answer.is_silent(), "nothing was stored");

    browser.visit(&app, |session| session.flash("stored"));
    let answer = browser.visit(&app, |session| {
        session.flash_now("now");
        assert_eq!(session.peek_flash::<String>(), ["stored", "now"]);
    });
    assert!(answer.is_silent(), "nothing was popped");
    browser.visit(&app, |session| {
        session.flash_now("now");
        assert_eq!(session.pop_flash::<String>(), ["stored", "now"]);
    });
    browser.visit(&app, |session| assert!(session.peek_flash::<String>().is_empty()));
}

#[test]
fn kept_messages_are_shown_once_more() {
    fn pop(session: &Session) {
        assert_eq!(session.pop_flash::<String>()[..2], ["a", "b"]);
    }
    fn keep(session: &Session) {
        session.keep_flash();
    }
    fn now(session: &Session) {
        session.flash_now("now");
    }
    fn add(session: &Session) {
        session.flash("c");
    }
    fn keep_others(session: &Session) {
        session.flash_queue("other").keep();
    }
    type Step = fn(&Session);
    let table: [(&str, &[Step], &[&str]); 8] = [
        ("after the pop", &[pop, keep], &["a", "b"]),
        ("before the pop", &[keep, pop], &["a", "b"]),
        ("twice", &[keep, pop, keep], &["a", "b"]),
        ("not popped", &[keep], &["a", "b"]),
        ("with one for now, popped", &[now, pop, keep], &["a", "b", "now"]),
        ("with one for now, not popped", &[now, keep], &["a", "b", "now"]),
        ("those of another queue", &[pop, keep_others], &[]),
        ("with one added in between", &[pop, add, keep], &["c", "a", "b"]),
    ];
    for (name, steps, expected) in table {
        let app = App::new(cookies(Seal::Signed));
        let mut browser = Browser::default();
        browser.visit(&app, |session| ["a", "b"].into_iter().for_each(|message| session.flash(message)));
        browser.visit(&app, |session| steps.iter().for_each(|step| step(session)));
        browser.visit(&app, |session| assert_eq!(session.pop_flash::<String>(), expected, "{name}"));
        browser
            .visit(&app, |session| assert!(session.pop_flash::<String>().is_empty(), "{name}: once more, not twice"));
    }
}

#[test]
fn another_owner_keeps_no_message() {
    let app = App::new(cookies(Seal::Signed));
    for (name, handler) in
        [("another owner", (|it| it.set_owner("bob")) as fn(&Session)), ("signed out", |it| it.invalidate())]
    {
        let mut browser = Browser::default();
        browser.visit(&app, |session| {
            session.set_owner("ann");
            session.flash("Ann's");
        });
        browser.visit(&app, |session| {
            session.flash_now("Ann's, now");
            assert_eq!(session.pop_flash::<String>().len(), 2);
            session.flash_now("Ann's, not shown");
            handler(session);
            assert!(session.flash_queue("").is_empty(), "{name}");
            session.keep_flash();
            assert!(session.pop_flash::<String>().is_empty(), "{name}");
        });
    }
}

#[test]
fn a_request_remembers_no_more_messages_than_a_queue_holds() {
    let app = App::with(cookies(Seal::Signed), |engine| engine.flash_limit(2));
    let mut browser = Browser::default();
    let (_, events) = traced(|| {
        browser.visit(&app, |session| {
            for number in 0..5 {
                session.flash_value(number).unwrap();
                assert_eq!(session.pop_flash::<u32>(), [number]);
            }
            ["one", "two", "three"].into_iter().for_each(|message| session.flash_queue("now").push_now(message));
            assert_eq!(session.flash_queue("now").pop::<String>(), ["two", "three"]);
            session.keep_flash();
        })
    });
    assert_eq!(events.len(), 1, "the full queue of messages for now: {events:?}");
    browser.visit(&app, |session| assert_eq!(session.pop_flash::<u32>(), [3, 4]));
}
