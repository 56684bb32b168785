//! The values of a session: keys, values, and the state after an error.

use std::collections::BTreeMap;

use cloakroom_core::{CsrfToken, Duplicates, Level, Lifetimes, Message, SessionKey, SessionState};
use serde_json::{Value, json};

use crate::operations::{NOW, fresh as fresh_id, outcome_at, request, stored, through_the_wire};

const VISITS: SessionKey<u32> = SessionKey::new("visits");

fn fresh() -> SessionState {
    SessionState::fresh(NOW, Lifetimes::default())
}

#[test]
fn strings_and_typed_constants_are_keys() {
    let mut session = fresh();
    session.insert(VISITS, &1).unwrap();
    session.insert("name".to_owned(), &"ann").unwrap();
    let age = "age".to_owned();
    session.insert(&age, &30).unwrap();
    assert_eq!(session.get(VISITS).unwrap(), Some(1));
    assert_eq!(session.get::<u64>("visits").unwrap(), Some(1), "the same key by its name");
    assert_eq!(
        session
            .update(VISITS, |visits| {
                *visits += 1;
                *visits
            })
            .unwrap(),
        2
    );
    assert_eq!(session.get_or_insert_with(VISITS, || 9).unwrap(), 2);
    assert_eq!(session.take(VISITS).unwrap(), Some(2));
    assert_eq!(session.keys().collect::<Vec<_>>(), ["name", "age"]);
    assert_eq!(format!("{VISITS:?}"), "SessionKey(\"visits\")");
}

#[test]
fn any_value_comes_back_unmodified() {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let rows = [
        ("null", json!(null)),
        ("true", json!(true)),
        ("the largest number", json!(u64::MAX)),
        ("the smallest number", json!(i64::MIN)),
        ("a fraction", json!(0.1)),
        ("an empty text", json!("")),
        ("every kind of character", json!("\0\u{1}\u{7f}\"\\/\u{2028}é\u{1F600};:=,")),
        ("an empty list", json!([])),
        ("an empty object", json!({})),
        ("an object whose keys look like fields", json!({"k1:": "v1:", "": {"c0;": []}})),
        ("a hundred levels", deep),
        ("a megabyte", json!("x".repeat(1 << 20))),
    ];
    for (name, value) in rows {
        for key in ["key", "", "k3:a;", "ключ\0\u{1F600}"] {
            let mut session = fresh();
            session.insert(key, &value).unwrap();
            session.flash(key, &value, fresh_id(), Duplicates::Allow).unwrap();
            let record = through_the_wire(&outcome_at(&session, NOW));
            let mut session = request(&record, &[]);
            assert_eq!(session.get::<Value>(key).unwrap().as_ref(), Some(&value), "{name} under {key:?}");
            assert_eq!(session.pop_flash::<Value>(key).unwrap(), std::slice::from_ref(&value), "{name} in {key:?}");
        }
    }
}

#[test]
fn an_error_changes_nothing() {
    let base = {
        let mut session = fresh();
        session.insert("text", &"a").unwrap();
        session.flash("q", &"hello", fresh_id(), Duplicates::Allow).unwrap();
        session.flash("q", &1, fresh_id(), Duplicates::Allow).unwrap();
        through_the_wire(&outcome_at(&session, NOW))
    };
    let unwritable = || BTreeMap::from([(vec![1_u8], 1)]);
    type Attempt<'a> = &'a dyn Fn(&mut SessionState) -> cloakroom_core::Error;
    let rows: &[(&str, &str, Attempt<'_>)] = &[
        ("insert", "map", &|s| s.insert("map", &unwritable()).unwrap_err()),
        ("extend", "map", &|s| s.extend([("ok", BTreeMap::new()), ("map", unwritable())]).unwrap_err()),
        ("get_or_insert_with, wrong type", "text", &|s| s.get_or_insert_with("text", || 1).unwrap_err()),
        ("update, wrong type", "text", &|s| s.update("text", |_: &mut u32| ()).unwrap_err()),
        ("update, unwritable", "map", &|s| s.update("map", move |it: &mut Unwritable| it.0 = true).unwrap_err()),
        ("take, wrong type", "text", &|s| s.take::<u32>("text").unwrap_err()),
        ("pop_item, wrong type", "text", &|s| s.pop_item::<u32>().unwrap_err()),
        ("entries, wrong type", "text", &|s| s.entries::<u32>().unwrap_err()),
        ("flash", "q", &|s| s.flash("q", &unwritable(), fresh_id(), Duplicates::Suppress).unwrap_err()),
        ("peek_flash, one of wrong type", "q", &|s| s.peek_flash::<u32>("q").unwrap_err()),
    ];
    for (name, key, attempt) in rows {
        let mut session = request(&base, &[]);
        let error = attempt(&mut session);
        assert_eq!(error.key(), Some(*key), "{name}");
        assert_eq!(session.record(), &base, "{name}");
        assert!(session.log().is_empty(), "{name}: {:?}", session.log());
        assert_eq!(session.get::<String>("text").unwrap().as_deref(), Some("a"), "{name}: never fatal to the rest");
    }
}

/// A value that can be read but not written.
#[derive(Default)]
struct Unwritable(bool);

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

impl<'de> serde::Deserialize<'de> for Unwritable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Self)
    }
}

#[test]
fn data_keeps_the_order_of_insertion() {
    let mut session = fresh();
    session.extend([("c", 1), ("a", 2), ("b", 3)]).unwrap();
    session.insert("c", &4).unwrap();
    assert_eq!(session.entries::<u8>().unwrap(), [("c".to_owned(), 4), ("a".to_owned(), 2), ("b".to_owned(), 3)]);
    session.remove("c");
    session.insert("c", &5).unwrap();
    assert_eq!(session.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(session.pop_item::<u8>().unwrap(), Some(("c".to_owned(), 5)));
    assert_eq!(
        (session.len(), session.is_empty(), session.contains_key("a"), session.contains_key("c")),
        (2, false, true, false)
    );
    session.clear();
    assert_eq!(session.pop_item::<u8>().unwrap(), None);
}

#[test]
fn queues_are_independent_and_messages_stay_until_popped() {
    let mut session = request(&stored(&[]), &[]);
    for (queue, message) in [("", "one"), ("errors", "two"), ("", "three")] {
        session.flash(queue, &message, fresh_id(), Duplicates::Allow).unwrap();
    }
    assert_eq!(session.peek_flash::<String>("").unwrap(), ["one", "three"]);
    assert_eq!(session.peek_flash::<String>("").unwrap(), ["one", "three"], "a peek removes nothing");
    assert_eq!(session.pop_flash::<String>("").unwrap(), ["one", "three"]);
    assert!(session.pop_flash::<String>("").unwrap().is_empty());
    assert_eq!(session.pop_flash::<String>("errors").unwrap(), ["two"]);
    assert!(session.pop_flash::<String>("never used").unwrap().is_empty());
    session.clear();
    session.flash("", &"four", fresh_id(), Duplicates::Allow).unwrap();
    session.clear();
    assert_eq!(session.peek_flash::<String>("").unwrap(), ["four"], "clear removes only values");
}

#[test]
fn messages_have_levels() {
    type Make = fn(&'static str) -> Message;
    let rows: &[(Make, Level, &str)] = &[
        (Message::debug, Level::Debug, "debug"),
        (Message::info, Level::Info, "info"),
        (Message::success, Level::Success, "success"),
        (Message::warning, Level::Warning, "warning"),
        (Message::error, Level::Error, "error"),
    ];
    for (make, level, name) in rows {
        let message = make("Saved");
        assert_eq!((message.level, level.as_str()), (*level, *name));
        let json = serde_json::to_value(&message).unwrap();
        assert_eq!(json, json!([name, "Saved"]));
        assert_eq!(serde_json::from_value::<Message>(json).unwrap(), message);
    }
    assert!(Level::Debug < Level::Error);
    for wrong in [json!(["fatal", "x"]), json!(["info"]), json!("info"), json!(["info", 1]), json!(["Info", "x"])] {
        assert!(serde_json::from_value::<Message>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn the_csrf_token_is_made_once() {
    let mut session = fresh();
    let token = session.csrf_token(|| CsrfToken::from_random([1; 32]));
    assert_eq!(session.csrf_token(|| unreachable!("there is one")), token);
    session.set_csrf_token(CsrfToken::from_random([2; 32]));
    assert_eq!(session.csrf_token(|| unreachable!("there is one")), CsrfToken::from_random([2; 32]));
    session.invalidate(NOW);
    assert_eq!(
        session.csrf_token(|| CsrfToken::from_random([3; 32])),
        CsrfToken::from_random([3; 32]),
        "a new session has a new token"
    );
}

#[test]
fn only_a_session_that_begins_is_given_a_token() {
    let record = fresh().record().clone();
    let begun = |session: &mut SessionState| {
        session.insert("a", &1).unwrap();
        outcome_at(session, NOW).csrf().cloned()
    };
    assert_eq!(begun(&mut fresh()), Some(CsrfToken::from_random([1; 32])));
    // A session without a token, for example from a bridge, gets one when a form requests it.
    assert_eq!(begun(&mut request(&record, &[])), None);
    let mut ended = request(&record, &[]);
    ended.invalidate(NOW);
    assert_eq!(begun(&mut ended), Some(CsrfToken::from_random([1; 32])));
}

#[test]
fn invalidate_drops_and_cycle_keeps_the_data() {
    let mut base = stored(&[]);
    base.restore("a", cloakroom_core::Json::encode("a", &1).unwrap());
    let mut session = request(&base, &[]);
    session.cycle_id(CsrfToken::from_random([4; 32]));
    assert_eq!((session.is_new(), session.len()), (false, 1));
    assert_eq!(session.record().times(), base.times(), "the deadlines stay");
    session.invalidate(NOW);
    assert!(session.is_new() && session.is_empty() && session.record().csrf().is_none());
    assert_eq!((session.id(), session.ended_id()), (None, Some(crate::operations::ID)));
    session.insert("b", &2).unwrap();
    let outcome = outcome_at(&session, NOW);
    assert_eq!(outcome.entries().map(|(key, _)| key).collect::<Vec<_>>(), ["b"]);
    assert_eq!(outcome.csrf(), Some(&CsrfToken::from_random([1; 32])));
}
