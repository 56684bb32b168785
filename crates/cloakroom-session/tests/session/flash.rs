//! Flash messages that can't be decoded, and full queues.

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
