//! The laws of replay: no update is lost, and a pop removes only the messages that it returned.

use cloakroom_core::ConflictPolicy::{LastWriteWins, Strict};
use cloakroom_core::{ConflictPolicy, CsrfToken, Duplicates, Json, Lifetimes, Record, SessionState};
use proptest::prelude::*;

use crate::operations::{
    ID, NOW, Operation, any_operation, data, fresh, local, messages, outcome, request, several, stored,
    through_the_wire,
};

fn replay(session: &SessionState, newest: &Record) -> Record {
    let record = session.log().replay(session.base(), newest, LastWriteWins).unwrap().record;
    through_the_wire(&record)
}

proptest! {
    #[test]
    fn replay_on_the_base_gives_the_handlers_record(
        before in several(any_operation()),
        operations in several(any_operation()),
    ) {
        let base = stored(&before);
        let session = request(&base, &operations);
        for policy in [LastWriteWins, Strict] {
            let again = session.log().replay(&base, &base, policy).unwrap().record;
            prop_assert_eq!(again.encode(), session.record().encode());
        }
        prop_assert_eq!(session.base(), &base, "the opened record never changes");
        if !session.log().is_effective() {
            prop_assert_eq!(session.record().encode(), base.encode());
        }
    }

    #[test]
    fn an_outcome_is_the_handlers_record_touched(before in several(any_operation()), operations in several(any_operation())) {
        let base = stored(&before);
        let session = request(&base, &operations);
        let outcome = outcome(&session);
        prop_assert_eq!(data(&outcome), data(session.record()));
        prop_assert_eq!(messages(&outcome), messages(session.record()));
        prop_assert_eq!(outcome.csrf(), session.record().csrf());
        prop_assert_eq!(through_the_wire(&outcome), outcome);
    }

    #[test]
    fn logs_that_touch_different_things_commute(
        before in several(any_operation()),
        one in several(local(&["a", "b"], &["", "q"])),
        other in several(local(&["c", "", "new"], &["errors", "news"])),
        token in prop::option::of(any::<u8>()),
        remember in prop::option::of(1..1000_u32),
    ) {
        let base = stored(&before);
        let one: Vec<_> = one.into_iter().chain(token.map(Operation::SetCsrf)).collect();
        let other: Vec<_> = other.into_iter().chain(remember.map(Operation::Remember)).collect();
        let (one, other) = (request(&base, &one), request(&base, &other));
        let one_first = replay(&other, &replay(&one, &base));
        let other_first = replay(&one, &replay(&other, &base));
        prop_assert_eq!(data(&one_first), data(&other_first));
        prop_assert_eq!(messages(&one_first), messages(&other_first));
        prop_assert_eq!(one_first.csrf(), other_first.csrf());
        prop_assert_eq!(one_first.times(), other_first.times());
        // Neither is lost: the keys of each are as it left them.
        for (session, keys) in [(&one, ["a", "b", "b"]), (&other, ["c", "", "new"])] {
            for key in keys {
                prop_assert_eq!(one_first.get(key), session.record().get(key));
            }
        }
    }

    #[test]
    fn updates_of_all_requests_count(
        base in prop::option::of(-5..5_i64),
        requests in prop::collection::vec(prop::collection::vec(-5..5_i64, 0..4), 1..6),
    ) {
        let set: Vec<_> = base.map(|value| Operation::Insert("n".to_owned(), value)).into_iter().collect();
        let base_record = stored(&set);
        let mut newest = base_record.clone();
        for steps in &requests {
            let mut session = request(&base_record, &[]);
            for step in steps.iter().copied() {
                session.update("n", move |n: &mut i64| *n += step).unwrap();
            }
            newest = replay(&session, &newest);
        }
        let sum: i64 = requests.iter().flatten().sum();
        let touched = base.is_some() || requests.iter().any(|steps| !steps.is_empty());
        let expected = touched.then(|| (base.unwrap_or_default() + sum).to_string());
        prop_assert_eq!(newest.get("n").map(|json| json.as_str().to_owned()), expected);
    }

    #[test]
    fn pop_flash_takes_only_what_it_was_given(
        waiting in prop::collection::vec(0..3_u8, 0..4),
        first in prop::collection::vec(prop::option::of(0..3_u8), 0..6),
        second in prop::collection::vec(prop::option::of(0..3_u8), 0..6),
    ) {
        // `None` pops, `Some` flashes. Bodies repeat, so that a number and a body don't identify a
        // message.
        let operations = |steps: &[Option<u8>]| -> Vec<Operation> {
            let queue = || "q".to_owned();
            steps.iter().map(|step| step.map_or(Operation::PopFlash(queue()), |body| Operation::Flash(queue(), body))).collect()
        };
        let left = |steps: &[Option<u8>]| -> Vec<u8> {
            steps.rsplit(Option::is_none).next().unwrap_or_default().iter().flatten().copied().collect()
        };
        let pops = |steps: &[Option<u8>]| steps.contains(&None);
        let base = stored(&operations(&waiting.iter().copied().map(Some).collect::<Vec<_>>()));
        let (one, other) = (request(&base, &operations(&first)), request(&base, &operations(&second)));
        let newest = replay(&other, &replay(&one, &base));

        let mut expected = if pops(&first) || pops(&second) { Vec::new() } else { waiting };
        expected.extend(left(&first));
        expected.extend(left(&second));
        let mut reader = request(&newest, &[]);
        prop_assert_eq!(reader.pop_flash::<u8>("q").unwrap(), expected);
    }

    #[test]
    fn a_pop_removes_exactly_the_messages_that_it_returned(
        before in several(any_operation()),
        one in several(any_operation()),
        other in several(any_operation()),
    ) {
        let base = stored(&before);
        let newest = replay(&request(&base, &other), &base);
        let mut session = request(&base, &one);
        for queue in ["", "q", "errors"] {
            session.pop_flash::<u8>(queue).unwrap();
        }
        let after = replay(&session, &newest);
        // Only messages that the other request added, and this one never received, can remain.
        let added = request(&base, &other);
        for (queue, left) in messages(&after) {
            let theirs = added.peek_flash::<u8>(&queue).unwrap();
            prop_assert!(left.len() <= theirs.len(), "{}: {:?} of {:?}", queue, left, theirs);
        }
    }

    #[test]
    fn replay_on_any_version_gives_a_record_that_can_be_kept(
        before in several(any_operation()),
        one in several(any_operation()),
        other in several(any_operation()),
    ) {
        let base = stored(&before);
        let (one, other) = (request(&base, &one), request(&base, &other));
        let newest = replay(&one, &base);
        let merged = replay(&other, &newest);
        prop_assert_eq!(through_the_wire(&merged), merged);
    }
}

fn base() -> Record {
    stored(&[
        Operation::Insert("a".to_owned(), 1),
        Operation::Insert("b".to_owned(), 2),
        Operation::Flash("q".to_owned(), 0),
    ])
}

fn value(record: &Record, key: &str) -> Option<i64> {
    record.get(key).as_ref().map(|json| json.decode(key).unwrap())
}

/// Each row: the change of this request, the earlier commit of another one, and the resulting value
/// of `a`.
#[test]
fn two_requests_of_one_session() {
    type Handler = fn(&mut SessionState);
    #[rustfmt::skip] // one row, one line
    let rows: &[(&str, Handler, Handler, Option<i64>)] = &[
        ("set after set: the later commit wins", |s| s.insert("a", &5).unwrap(), |s| s.insert("a", &7).unwrap(), Some(5)),
        ("set after remove", |s| s.insert("a", &5).unwrap(), |s| _ = s.remove("a"), Some(5)),
        ("set after clear", |s| s.insert("a", &5).unwrap(), SessionState::clear, Some(5)),
        ("remove after set", |s| _ = s.remove("a"), |s| s.insert("a", &7).unwrap(), None),
        ("clear after set", SessionState::clear, |s| s.insert("a", &7).unwrap(), None),
        ("update after update", |s| s.update("a", |n: &mut i64| *n += 10).unwrap(), |s| s.update("a", |n: &mut i64| *n += 100).unwrap(), Some(111)),
        ("update after set", |s| s.update("a", |n: &mut i64| *n += 10).unwrap(), |s| s.insert("a", &7).unwrap(), Some(17)),
        ("update after remove starts from the default", |s| s.update("a", |n: &mut i64| *n += 10).unwrap(), |s| _ = s.remove("a"), Some(10)),
        ("an update that made no difference", |s| s.update("a", |n: &mut i64| *n = (*n).min(9)).unwrap(), |s| s.insert("a", &70).unwrap(), Some(9)),
        ("set if absent, still absent", |s| { s.remove("a"); s.get_or_insert_with("a", || 3).unwrap(); }, |s| s.changed(), Some(3)),
        ("an unrelated change", |s| s.insert("b", &5).unwrap(), |s| s.insert("a", &7).unwrap(), Some(7)),
        ("popped by this, set by the other", |s| { s.remove("b"); s.pop_item::<i64>().unwrap(); }, |s| s.insert("a", &7).unwrap(), None),
    ];
    for (name, this, other, expected) in rows {
        let base = base();
        let (mut session, mut before) = (request(&base, &[]), request(&base, &[]));
        this(&mut session);
        other(&mut before);
        assert_eq!(value(&replay(&session, &replay(&before, &base)), "a"), *expected, "{name}");
    }
}

#[test]
fn set_if_absent_keeps_the_value_of_the_other_request() {
    let base = base();
    let mut session = request(&base, &[]);
    assert_eq!(session.get_or_insert_with("new", || 1_i64).unwrap(), 1);
    let newest = replay(&request(&base, &[Operation::Insert("new".to_owned(), 9)]), &base);
    assert_eq!(value(&replay(&session, &newest), "new"), Some(9));
    // The token is created in the same way: the form that was rendered first stays valid.
    let mut empty = Record::new(NOW, &Lifetimes::default());
    let mut one = SessionState::loaded(ID, empty.clone(), NOW, Lifetimes::default());
    let mut other = one.clone();
    let _ = one.csrf_token(|| CsrfToken::from_random([1; 32]));
    let _ = other.csrf_token(|| CsrfToken::from_random([2; 32]));
    empty = replay(&one, &empty);
    assert_eq!(replay(&other, &empty).csrf(), Some(&CsrfToken::from_random([1; 32])));
    other.set_csrf_token(CsrfToken::from_random([3; 32]));
    assert_eq!(replay(&other, &empty).csrf(), Some(&CsrfToken::from_random([3; 32])), "but an explicit one is set");
}

#[test]
fn a_popped_message_of_ones_own_never_takes_an_equal_one_of_another_request() {
    // Both are numbered 0 by the request that added them.
    let base = stored(&[]);
    let mut session = request(&base, &[]);
    session.flash("q", &"saved", fresh(), Duplicates::Allow).unwrap();
    assert_eq!(session.pop_flash::<String>("q").unwrap(), ["saved"]);
    let mut other = request(&base, &[]);
    other.flash("q", &"saved", fresh(), Duplicates::Allow).unwrap();
    let newest = replay(&session, &replay(&other, &base));
    assert_eq!(request(&newest, &[]).peek_flash::<String>("q").unwrap(), ["saved"]);
}

#[test]
fn popped_by_both_is_gone_and_nothing_is_taken_twice() {
    let base = base();
    let pop = [Operation::PopFlash("q".to_owned())];
    let newest = replay(&request(&base, &pop), &base);
    assert!(messages(&newest).is_empty());
    let again = [Operation::PopFlash("q".to_owned()), Operation::Flash("q".to_owned(), 0)];
    let newest = replay(&request(&base, &again), &newest);
    assert_eq!(messages(&newest), [("q".to_owned(), vec!["0".to_owned()])]);
    // The same message with a new number: popping the old one doesn't remove it.
    let newest = replay(&request(&base, &pop), &newest);
    assert_eq!(messages(&newest), [("q".to_owned(), vec!["0".to_owned()])]);
}

/// A message that was suppressed by an equal one was shown with it when that one was popped.
#[test]
fn a_popped_duplicate_does_not_come_back_when_its_twin_is_gone() {
    let once = || Operation::FlashOnce("q".to_owned(), 0);
    let pop = || Operation::PopFlash("q".to_owned());
    #[rustfmt::skip] // one row, one line
    let rows = [
        ("popped", vec![once(), pop()], vec![]),
        ("popped by two pops", vec![once(), pop(), pop()], vec![]),
        ("left out twice", vec![once(), once(), pop()], vec![]),
        ("never popped", vec![once()], vec!["0"]),
        ("flashed again after the pop", vec![once(), pop(), once()], vec!["0"]),
        ("another queue", vec![once(), Operation::PopFlash("errors".to_owned())], vec!["0"]),
    ];
    for (name, operations, expected) in rows {
        let base = stored(&[once(), Operation::FlashOnce("errors".to_owned(), 0)]);
        let newest = replay(&request(&base, &[pop()]), &base);
        let after = replay(&request(&base, &operations), &newest);
        let left: Vec<_> = messages(&after).into_iter().filter(|(queue, _)| queue == "q").collect();
        let left: Vec<_> = left.into_iter().flat_map(|(_, waiting)| waiting).collect();
        assert_eq!(left, expected, "{name}");
    }
}

#[test]
fn duplicates_are_suppressed_on_the_newest_version() {
    let mut base = stored(&[]);
    base.restore_flash("q", Json::from_text("q", r#"{ "text": "saved", "level": 1 }"#).unwrap());
    let message = serde_json::json!({"level": 1, "text": "saved"});
    let rows: &[(&str, Duplicates, Duplicates, usize)] = &[
        ("both allow", Duplicates::Allow, Duplicates::Allow, 3),
        ("this one suppresses", Duplicates::Suppress, Duplicates::Allow, 2),
        ("the other suppresses", Duplicates::Allow, Duplicates::Suppress, 2),
        ("both suppress, with different spelling", Duplicates::Suppress, Duplicates::Suppress, 1),
    ];
    for (name, this, other, expected) in rows {
        let (mut session, mut before) = (request(&base, &[]), request(&base, &[]));
        session.flash("q", &message, fresh(), *this).unwrap();
        before.flash("q", &message, fresh(), *other).unwrap();
        let newest = replay(&session, &replay(&before, &base));
        assert_eq!(messages(&newest)[0].1.len(), *expected, "{name}");
    }
    // Suppressed when it was flashed, but the equal message was popped in the meantime.
    let mut session = request(&base, &[]);
    assert!(!session.flash("q", &message, fresh(), Duplicates::Suppress).unwrap());
    let mut popped = request(&base, &[]);
    popped.pop_flash::<serde_json::Value>("q").unwrap();
    let newest = replay(&session, &replay(&popped, &base));
    assert_eq!(messages(&newest)[0].1.len(), 1);
}

/// Each row: the change of this request, the earlier commit of another one, and the key of the
/// conflict.
#[test]
fn the_strict_policy_names_the_key() {
    use Operation::{Clear, Flash, GetOrInsert, Insert, PopFlash, Remove, Take, Update};
    let key = || "a".to_owned();
    let rows: &[(&str, Operation, Operation, Option<&str>)] = &[
        ("set after set", Insert(key(), 5), Insert(key(), 7), Some("a")),
        ("set after an equal set", Insert(key(), 7), Insert(key(), 7), Some("a")),
        ("set after a set to what it was", Insert(key(), 5), Insert(key(), 1), None),
        ("set after remove", Insert(key(), 5), Remove(key()), Some("a")),
        ("set after clear", Insert(key(), 5), Clear, Some("a")),
        ("remove after update", Remove(key()), Update(key(), 1), Some("a")),
        ("take after update", Take(key()), Update(key(), 1), Some("a")),
        ("a new key after the same new key", Insert("new".to_owned(), 1), Insert("new".to_owned(), 2), Some("new")),
        ("update after update", Update(key(), 1), Update(key(), 1), None),
        ("update after set", Update(key(), 1), Insert(key(), 7), None),
        ("set if absent after set", GetOrInsert("new".to_owned(), 1), Insert("new".to_owned(), 2), None),
        ("different keys", Insert(key(), 5), Insert("b".to_owned(), 7), None),
        ("flash after flash", Flash("q".to_owned(), 5), Flash("q".to_owned(), 7), None),
        ("owner after owner", Operation::Own("a".to_owned()), Operation::Own("b".to_owned()), None),
        ("pop after pop", PopFlash("q".to_owned()), PopFlash("q".to_owned()), None),
    ];
    for (name, this, other, expected) in rows {
        let base = base();
        let session = request(&base, std::slice::from_ref(this));
        let newest = replay(&request(&base, std::slice::from_ref(other)), &base);
        let result = session.log().replay(&base, &newest, Strict);
        let conflict = result.as_ref().err().map(|error| (error.is_conflict(), error.key()));
        assert_eq!(conflict, expected.map(|key| (true, Some(key))), "{name}");
        assert!(session.log().replay(&base, &newest, LastWriteWins).is_ok(), "{name}");
    }
    assert_eq!(ConflictPolicy::default(), LastWriteWins);
}

#[test]
fn an_update_that_meets_another_type_is_an_error_that_names_the_key() {
    let base = base();
    let session = request(&base, &[Operation::Update("a".to_owned(), 1), Operation::Insert("b".to_owned(), 5)]);
    let mut other = request(&base, &[]);
    other.insert("a", &"a text now").unwrap();
    let error = session.log().replay(&base, &replay(&other, &base), LastWriteWins).unwrap_err();
    assert!(error.is_decode());
    assert_eq!(error.key(), Some("a"));
    assert!(!error.to_string().contains("text now"), "{error}");
}
